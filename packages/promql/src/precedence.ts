/**
 * Operators between operands, in the order in which they bind: an operator-precedence parser over two stacks, which needs no recursion
 * and therefore takes chains of any length. A sign binds tighter than `*` and looser than `^`: `-1 ^ 2` is -1 and `2 ^ -1 * 3` is 1.5.
 */
import type { IToken } from 'chevrotain'

/** Binds tighter the higher it is. */
const PRECEDENCE: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '>': 3,
  '<': 3,
  '>=': 3,
  '<=': 3,
  '</': 3,
  '>/': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': 6,
}
const SIGN_PRECEDENCE = 5.5

interface Pending<Modifiers> {
  readonly token: IToken
  readonly precedence: number
  /** Null for a sign. */
  readonly modifiers: Modifiers | null
}

/** Operands and operators of one expression. `Modifiers` are what an operator carries along. */
export class OperatorStack<Node, Modifiers> {
  private readonly nodes: Node[] = []
  private readonly pending: Pending<Modifiers>[] = []
  private readonly sign: (token: IToken, node: Node) => Node
  private readonly combine: (left: Node, token: IToken, modifiers: Modifiers, right: Node) => Node

  constructor(sign: (token: IToken, node: Node) => Node, combine: (left: Node, token: IToken, modifiers: Modifiers, right: Node) => Node) {
    this.sign = sign
    this.combine = combine
  }

  pushSign(token: IToken): void {
    this.pending.push({ token, precedence: SIGN_PRECEDENCE, modifiers: null })
  }

  pushNode(node: Node): void {
    this.nodes.push(node)
  }

  /** Builds what the operator does not bind itself: to be called as soon as it is seen. */
  settle(token: IToken): void {
    const precedence = precedenceOf(token)
    // `^` alone is right associative.
    this.reduce(token.image === '^' ? precedence : precedence - 0.25)
  }

  pushOperator(token: IToken, modifiers: Modifiers): void {
    this.pending.push({ token, precedence: precedenceOf(token), modifiers })
  }

  finish(): Node {
    this.reduce(0)
    return this.nodes.pop()!
  }

  /** Builds the operators that bind tighter than `above`. */
  private reduce(above: number): void {
    for (let top = this.pending.at(-1); top !== undefined && top.precedence > above; top = this.pending.at(-1)) {
      this.pending.pop()
      const right = this.nodes.pop()!
      this.nodes.push(
        top.modifiers === null ? this.sign(top.token, right) : this.combine(this.nodes.pop()!, top.token, top.modifiers, right),
      )
    }
  }
}

function precedenceOf(token: IToken): number {
  return PRECEDENCE[token.image.toLowerCase()]!
}
