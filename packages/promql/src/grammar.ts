/**
 * The grammar of PromQL, as chevrotain rules that build the tree while they read.
 *
 * The rules only recognise; what a construct means for the tree is in `build.ts`. Messages must say where in the language the text went
 * wrong ("in grouping opts, expected label"): `suffix` holds that phrase for the construct being read, and is restored on the way out, so
 * that when a token does not fit, the phrase of the innermost construct is at hand. Everything is LL(1).
 */
import { EmbeddedActionsParser, type IToken, type ParserMethod, type TokenType } from 'chevrotain'
import type { BinaryModifiers, Builder, DurationDraft, ExprDraft, Grouping, MatcherList } from './build.ts'
import { OperatorStack } from './precedence.ts'
import * as t from './tokens.ts'
import type { Matcher } from '@tsink/core'
import type { DurationOperation } from './ast.ts'

/** The start rules. */
export interface Grammar {
  /** Reads an expression to the end of the tokens, or notes in the builder why it cannot. */
  expression(tokens: t.Token[], builder: Builder): ExprDraft | null
  /** The same for a selector without range, offset or `@`. */
  selector(tokens: t.Token[], builder: Builder): ExprDraft | null
}

let shared: QueryParser | null = null

/** The grammar. It is analysed on first use, which takes some ten milliseconds, and shared. */
export function grammar(): Grammar {
  shared ??= new QueryParser()
  return shared
}

const IN_AGGREGATION = ' in aggregation'
const DURATION_START = 'expected number, duration, step(), or range()'

const vocabulary = Object.values(t).filter((value): value is TokenType => typeof value === 'object' && 'tokenTypeIdx' in value)

/** Messages are made from tokens afterwards; chevrotain's own would only cost time. */
const silent = {
  buildMismatchTokenMessage: (): string => '',
  buildNotAllInputParsedMessage: (): string => '',
  buildNoViableAltMessage: (): string => '',
  buildEarlyExitMessage: (): string => '',
}

class QueryParser extends EmbeddedActionsParser implements Grammar {
  /** Where in the language the parser is, as messages say it. */
  private suffix = ''
  /** The operator of the aggregation being read. */
  private aggregator: IToken | null = null
  private builder!: Builder

  constructor() {
    super(vocabulary, { maxLookahead: 1, skipValidations: true, errorMessageProvider: silent })
    this.performSelfAnalysis()
  }

  expression(tokens: t.Token[], builder: Builder): ExprDraft | null {
    return this.run(this.operation, tokens, builder)
  }

  selector(tokens: t.Token[], builder: Builder): ExprDraft | null {
    return this.run(this.vectorSelector, tokens, builder)
  }

  private run(rule: ParserMethod<[], ExprDraft>, tokens: t.Token[], builder: Builder): ExprDraft | null {
    this.builder = builder
    this.suffix = ''
    this.input = tokens
    const expr = rule.call(this)
    const [error] = this.errors
    if (error !== undefined) {
      builder.unexpected(error.token, this.suffix)
      // An aggregation that breaks off counts as one without arguments.
      if (this.suffix === IN_AGGREGATION) builder.aggregate(this.aggregator!, null, [])
    }
    this.input = []
    return error === undefined ? expr : null
  }

  /** Operands with operators between them. */
  private readonly operation = this.RULE('operation', (): ExprDraft => {
    const stack = this.ACTION(
      () =>
        new OperatorStack<ExprDraft, BinaryModifiers>(
          (token, expr) => this.builder.unary(token, expr),
          (left, token, modifiers, right) => this.builder.binary(left, token, modifiers, right),
        ),
    )
    this.MANY(() => {
      const sign = this.CONSUME(t.Sign)
      this.ACTION(() => stack.pushSign(sign))
    })
    const first = this.SUBRULE(this.operand)
    this.ACTION(() => stack.pushNode(first))
    this.MANY2(() => {
      const operator = this.CONSUME(t.BinaryOperator)
      this.ACTION(() => stack.settle(operator))
      const modifiers = this.SUBRULE(this.binaryModifiers)
      this.ACTION(() => stack.pushOperator(operator, modifiers))
      this.MANY3(() => {
        const sign = this.CONSUME2(t.Sign)
        this.ACTION(() => stack.pushSign(sign))
      })
      const next = this.SUBRULE2(this.operand)
      this.ACTION(() => stack.pushNode(next))
    })
    return this.ACTION(() => {
      this.builder.lookedAt(this.LA(1))
      return stack.finish()
    })
  })

  private readonly binaryModifiers = this.RULE('binaryModifiers', (): BinaryModifiers => {
    const modifiers = this.ACTION(() => this.builder.modifiers())
    this.OPTION(() => {
      this.CONSUME(t.Bool)
      this.ACTION(() => (modifiers.bool = true))
    })
    this.OPTION2(() => {
      const kind = this.OR([{ ALT: () => this.CONSUME(t.On) }, { ALT: () => this.CONSUME(t.Ignoring) }])
      const labels = this.SUBRULE(this.groupingLabels)
      this.ACTION(() => {
        modifiers.on = kind.tokenType === t.On
        modifiers.labels = labels
      })
      this.OPTION3(() => {
        const side = this.OR2([{ ALT: () => this.CONSUME(t.GroupLeft) }, { ALT: () => this.CONSUME(t.GroupRight) }])
        this.ACTION(() => (modifiers.cardinality = side.tokenType === t.GroupLeft ? 'many-to-one' : 'one-to-many'))
        const outer = this.suffix
        this.suffix = ' in grouping opts, expected "("'
        let listed = false
        this.OPTION4(() => {
          listed = true
          const include = this.SUBRULE2(this.groupingLabels)
          this.ACTION(() => (modifiers.include = include))
        })
        // Without labels an operand has to follow: what cannot start one is taken for a failed list of labels.
        this.ACTION(() => {
          if (listed || this.startsOperand()) this.suffix = outer
        })
      })
    })
    this.OPTION5(() => this.SUBRULE(this.fills, { ARGS: [modifiers] }))
    return modifiers
  })

  private readonly fills = this.RULE('fills', (modifiers: BinaryModifiers): void => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Fill)
          const value = this.SUBRULE(this.fillValue)
          this.ACTION(() => (modifiers.fillLeft = modifiers.fillRight = value))
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.FillLeft)
          const fillLeft = this.SUBRULE2(this.fillValue)
          this.ACTION(() => (modifiers.fillLeft = fillLeft))
          this.OPTION(() => {
            this.CONSUME(t.FillRight)
            const fillRight = this.SUBRULE3(this.fillValue)
            this.ACTION(() => (modifiers.fillRight = fillRight))
          })
        },
      },
      {
        ALT: () => {
          this.CONSUME2(t.FillRight)
          const fillRight = this.SUBRULE4(this.fillValue)
          this.ACTION(() => (modifiers.fillRight = fillRight))
          this.OPTION2(() => {
            this.CONSUME2(t.FillLeft)
            const fillLeft = this.SUBRULE5(this.fillValue)
            this.ACTION(() => (modifiers.fillLeft = fillLeft))
          })
        },
      },
    ])
  })

  private readonly fillValue = this.RULE('fillValue', (): number => {
    this.CONSUME(t.LeftParen)
    const value = this.SUBRULE(this.signedNumber)
    this.close(this.CONSUME(t.RightParen))
    return value
  })

  /** A primary and what may follow it: brackets, offset, `@`, anchored, smoothed. */
  private readonly operand = this.RULE('operand', (): ExprDraft => {
    let expr = this.SUBRULE(this.primary)
    this.MANY(() => {
      expr = this.OR([
        { ALT: () => this.SUBRULE(this.brackets, { ARGS: [expr] }) },
        { ALT: () => this.SUBRULE(this.offset, { ARGS: [expr] }) },
        { ALT: () => this.SUBRULE(this.at, { ARGS: [expr] }) },
        {
          ALT: () => {
            this.CONSUME(t.Anchored)
            return this.ACTION(() => this.builder.extend(expr, 'anchored'))
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.Smoothed)
            return this.ACTION(() => this.builder.extend(expr, 'smoothed'))
          },
        },
      ])
    })
    return expr
  })

  private readonly primary = this.RULE('primary', (): ExprDraft => {
    return this.OR([
      {
        ALT: () => {
          const left = this.CONSUME(t.LeftParen)
          const expr = this.SUBRULE(this.operation)
          const right = this.close(this.CONSUME(t.RightParen))
          return this.ACTION(() => this.builder.paren(left, expr, right))
        },
      },
      {
        ALT: () => {
          const token = this.CONSUME(t.StringToken)
          return this.ACTION(() => this.builder.string(token))
        },
      },
      {
        ALT: () => {
          const token = this.close(this.CONSUME(t.NumberLike))
          return this.ACTION(() => this.builder.number(token))
        },
      },
      {
        ALT: () => {
          const list = this.SUBRULE(this.matchers)
          return this.ACTION(() => this.builder.selector(null, list))
        },
      },
      { ALT: () => this.SUBRULE(this.named) },
    ])
  })

  /** What starts with a name: an aggregation, a function call or a selector. What follows the name tells them apart. */
  private readonly named = this.RULE('named', (): ExprDraft => {
    const name = this.CONSUME(t.MetricName)
    let expr = null as ExprDraft | null
    let list = null as MatcherList | null
    this.OPTION({
      GATE: () => name.tokenType === t.Aggregator,
      DEF: () => (expr = this.SUBRULE(this.aggregation, { ARGS: [name] })),
    })
    this.OPTION2({
      GATE: () => expr === null && name.tokenType.CATEGORIES!.includes(t.FunctionName),
      DEF: () => {
        const args = this.SUBRULE(this.callArguments)
        expr = this.ACTION(() => this.builder.call(name, args))
      },
    })
    this.OPTION3({ GATE: () => expr === null, DEF: () => (list = this.SUBRULE(this.matchers)) })
    return expr ?? this.ACTION(() => this.builder.selector(name, list))
  })

  private readonly aggregation = this.RULE('aggregation', (name: IToken): ExprDraft => {
    const outer = this.suffix
    const outerAggregator = this.aggregator
    this.suffix = IN_AGGREGATION
    this.aggregator = name
    let grouping = null as Grouping | null
    let args: ExprDraft[] = []
    this.OR([
      {
        ALT: () => {
          grouping = this.SUBRULE(this.grouping)
          args = this.SUBRULE(this.callArguments)
        },
      },
      {
        ALT: () => {
          args = this.SUBRULE2(this.callArguments)
          this.OPTION(() => (grouping = this.SUBRULE2(this.grouping)))
          this.ACTION(() => {
            if (grouping === null) this.builder.lookedAt(this.LA(1))
          })
        },
      },
    ])
    this.suffix = outer
    this.aggregator = outerAggregator
    return this.ACTION(() => this.builder.aggregate(name, grouping, args))
  })

  private readonly grouping = this.RULE('grouping', (): Grouping => {
    const kind = this.OR([{ ALT: () => this.CONSUME(t.By) }, { ALT: () => this.CONSUME(t.Without) }])
    const labels = this.SUBRULE(this.groupingLabels)
    return { labels, without: kind.tokenType === t.Without }
  })

  private readonly groupingLabels = this.RULE('groupingLabels', (): string[] => {
    const outer = this.suffix
    const labels: string[] = []
    let trailing = false
    this.suffix = ' in grouping opts, expected "("'
    this.CONSUME(t.LeftParen)
    this.suffix = ' in grouping opts, expected label'
    this.OPTION(() => {
      labels.push(this.SUBRULE(this.groupingLabel))
      this.MANY({
        GATE: () => !trailing,
        DEF: () => {
          this.CONSUME(t.Comma)
          this.suffix = ' in grouping opts, expected label'
          trailing = true
          this.OPTION2(() => {
            labels.push(this.SUBRULE2(this.groupingLabel))
            trailing = false
          })
        },
      })
    })
    this.close(this.CONSUME(t.RightParen))
    this.suffix = outer
    return labels
  })

  private readonly groupingLabel = this.RULE('groupingLabel', (): string => {
    const token = this.OR([{ ALT: () => this.CONSUME(t.LabelName) }, { ALT: () => this.CONSUME(t.StringToken) }])
    this.suffix = ' in grouping opts, expected "," or ")"'
    return this.ACTION(() => this.builder.groupingLabel(token))
  })

  private readonly callArguments = this.RULE('callArguments', (): ExprDraft[] => {
    const args: ExprDraft[] = []
    this.CONSUME(t.LeftParen)
    this.OPTION(() => {
      args.push(this.SUBRULE(this.operation))
      this.MANY(() => {
        const comma = this.CONSUME(t.Comma)
        let trailing = true
        this.OPTION2(() => {
          args.push(this.SUBRULE2(this.operation))
          trailing = false
        })
        this.ACTION(() => {
          if (trailing) this.builder.trailingComma(comma, this.LA(1))
        })
      })
    })
    this.close(this.CONSUME(t.RightParen))
    return args
  })

  private readonly vectorSelector = this.RULE('vectorSelector', (): ExprDraft => {
    let name = null as IToken | null
    let list = null as MatcherList | null
    this.OR([
      {
        ALT: () => {
          name = this.CONSUME(t.MetricName)
          this.OPTION(() => (list = this.SUBRULE(this.matchers)))
        },
      },
      { ALT: () => (list = this.SUBRULE2(this.matchers)) },
    ])
    return this.ACTION(() => this.builder.selector(name, list))
  })

  private readonly matchers = this.RULE('matchers', (): MatcherList => {
    const outer = this.suffix
    const matchers: Matcher[] = []
    let trailing = false
    const add = (matcher: Matcher | null): void => {
      if (matcher !== null) matchers.push(matcher)
    }
    const left = this.CONSUME(t.LeftBrace)
    this.suffix = ' in label matching, expected identifier or "}"'
    this.OPTION(() => {
      add(this.SUBRULE(this.matcher))
      this.MANY({
        GATE: () => !trailing,
        DEF: () => {
          this.CONSUME(t.Comma)
          this.suffix = ' in label matching, expected identifier or "}"'
          trailing = true
          this.OPTION2(() => {
            add(this.SUBRULE2(this.matcher))
            trailing = false
          })
        },
      })
    })
    const right = this.close(this.CONSUME(t.RightBrace))
    this.suffix = outer
    return { left, matchers, right }
  })

  /** `name="value"`, or a string alone, which is the metric name. */
  private readonly matcher = this.RULE('matcher', (): Matcher | null => {
    let name = null as IToken | null
    let operator = null as IToken | null
    let value = null as IToken | null
    this.OR([
      {
        ALT: () => {
          name = this.CONSUME(t.Identifier)
          this.suffix = ' in label matching, expected label matching operator'
          operator = this.CONSUME(t.MatchOperator)
          this.suffix = ' in label matching, expected string'
          value = this.CONSUME(t.StringToken)
        },
      },
      {
        ALT: () => {
          name = this.CONSUME2(t.StringToken)
          this.suffix = ' in label matching, expected "," or "}"'
          this.OPTION(() => {
            operator = this.CONSUME2(t.MatchOperator)
            this.suffix = ' in label matching, expected string'
            value = this.CONSUME3(t.StringToken)
          })
        },
      },
    ])
    this.suffix = ' in label matching, expected "," or "}"'
    return this.ACTION(() => this.builder.matcher(name!, operator, value))
  })

  /** `[range]` or `[range:step]` after an expression. */
  private readonly brackets = this.RULE('brackets', (expr: ExprDraft): ExprDraft => {
    const outer = this.suffix
    const left = this.CONSUME(t.LeftBracket)
    this.suffix = ` in subquery or range selector, ${DURATION_START}`
    const range = this.SUBRULE(this.positiveDuration)
    this.suffix = ' in subquery or range, expected ":" or "]"'
    let step = null as DurationDraft | null
    const result = this.OR([
      {
        ALT: () => {
          const right = this.close(this.CONSUME(t.RightBracket))
          return this.ACTION(() => this.builder.matrix(expr, left, range, right))
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.Colon)
          this.suffix = ' in subquery selector, expected number, duration, step(), range(), or "]"'
          this.OPTION(() => {
            step = this.SUBRULE2(this.positiveDuration)
            this.suffix = ' in subquery selector, expected "]"'
          })
          const right = this.close(this.CONSUME2(t.RightBracket))
          return this.ACTION(() => this.builder.subquery(expr, range, step, right))
        },
      },
    ])
    this.suffix = outer
    return result
  })

  private readonly offset = this.RULE('offset', (expr: ExprDraft): ExprDraft => {
    const outer = this.suffix
    this.CONSUME(t.Offset)
    this.suffix = ` in offset, ${DURATION_START}`
    const duration = this.SUBRULE(this.offsetDuration)
    this.suffix = outer
    return this.ACTION(() => this.builder.offset(expr, duration))
  })

  private readonly at = this.RULE('at', (expr: ExprDraft): ExprDraft => {
    const outer = this.suffix
    this.CONSUME(t.At)
    this.suffix = ' in @, expected timestamp'
    const result = this.OR([
      {
        ALT: () => {
          const seconds = this.SUBRULE(this.signedNumber)
          return this.ACTION(() => this.builder.at(expr, seconds))
        },
      },
      {
        ALT: () => {
          const word = this.CONSUME(t.StartEnd)
          this.CONSUME(t.LeftParen)
          this.close(this.CONSUME(t.RightParen))
          return this.ACTION(() => this.builder.at(expr, word))
        },
      },
    ])
    this.suffix = outer
    return result
  })

  private readonly signedNumber = this.RULE('signedNumber', (): number => {
    let negative = false
    this.OPTION(() => {
      const sign = this.CONSUME(t.Sign)
      negative = sign.tokenType === t.Sub
    })
    const token = this.close(this.CONSUME(t.NumberLike))
    return this.ACTION(() => {
      const value = this.builder.numberValue(token)
      return negative ? -value : value
    })
  })

  private readonly positiveDuration = this.RULE('positiveDuration', (): DurationDraft => {
    const duration = this.SUBRULE(this.duration)
    return this.ACTION(() => {
      this.builder.lookedAt(this.LA(1))
      return this.builder.positive(duration)
    })
  })

  private readonly duration = this.RULE('duration', (): DurationDraft => {
    const stack = this.ACTION(() => this.durationStack())
    this.MANY(() => {
      const sign = this.CONSUME(t.Sign)
      this.ACTION(() => stack.pushSign(sign))
    })
    const first = this.SUBRULE(this.durationOperand)
    this.ACTION(() => stack.pushNode(first))
    return this.SUBRULE(this.durationRest, { ARGS: [stack] })
  })

  private readonly durationRest = this.RULE('durationRest', (stack: OperatorStack<DurationDraft, true>): DurationDraft => {
    this.MANY(() => {
      const operator = this.CONSUME(t.DurationOperator)
      this.ACTION(() => {
        stack.settle(operator)
        stack.pushOperator(operator, true)
      })
      this.MANY2(() => {
        const sign = this.CONSUME(t.Sign)
        this.ACTION(() => stack.pushSign(sign))
      })
      const next = this.SUBRULE(this.durationOperand)
      this.ACTION(() => stack.pushNode(next))
    })
    return this.ACTION(() => stack.finish())
  })

  /**
   * The duration of an offset. A number, with or without a sign, ends it, so that `x offset 5m + y` is a sum; only after an opening
   * parenthesis, or after several signs, operators belong to the duration.
   */
  private readonly offsetDuration = this.RULE('offsetDuration', (): DurationDraft => {
    const stack = this.ACTION(() => this.durationStack())
    let signs = 0
    this.MANY(() => {
      const sign = this.CONSUME(t.Sign)
      signs++
      this.ACTION(() => stack.pushSign(sign))
    })
    const parenthesis = this.ACTION(() => this.LA(1).tokenType === t.LeftParen)
    // A number with its sign is judged as a whole.
    const first = this.SUBRULE(this.durationOperand, { ARGS: [signs === 1] })
    this.ACTION(() => stack.pushNode(first))
    let duration = null as DurationDraft | null
    this.OPTION({
      GATE: () => signs > 1 || (signs === 0 && parenthesis),
      DEF: () => (duration = this.SUBRULE(this.durationRest, { ARGS: [stack] })),
    })
    return this.ACTION(() => duration ?? stack.finish())
  })

  /** `signed`: a sign before a number belongs to it, so that not the number alone has to be in range. */
  private readonly durationOperand = this.RULE('durationOperand', (signed: boolean = false): DurationDraft => {
    return this.OR([
      {
        ALT: () => {
          const token = this.close(this.CONSUME(t.NumberLike))
          return this.ACTION(() => (signed ? this.builder.number(token) : this.builder.durationNumber(token)))
        },
      },
      {
        ALT: () => {
          const word = this.CONSUME(t.StepRange)
          this.CONSUME(t.LeftParen)
          const right = this.close(this.CONSUME(t.RightParen))
          return this.ACTION(() => this.builder.durationCall(word, null, null, right))
        },
      },
      {
        ALT: () => {
          const word = this.CONSUME(t.MinMaxOf)
          this.CONSUME2(t.LeftParen)
          const first = this.SUBRULE(this.duration)
          this.CONSUME(t.Comma)
          const second = this.SUBRULE2(this.duration)
          const right = this.close(this.CONSUME2(t.RightParen))
          return this.ACTION(() => this.builder.durationCall(word, first, second, right))
        },
      },
      {
        ALT: () => {
          const left = this.CONSUME3(t.LeftParen)
          const inner = this.SUBRULE3(this.duration)
          const right = this.close(this.CONSUME3(t.RightParen))
          return this.ACTION(() => this.builder.durationParen(left, inner, right))
        },
      },
    ])
  })

  private durationStack(): OperatorStack<DurationDraft, true> {
    return new OperatorStack<DurationDraft, true>(
      (token, duration) => this.builder.durationSign(token, duration),
      (left, token, _, right) => this.builder.durationOperation(left, token.image as DurationOperation['op'], token, right),
    )
  }

  private startsOperand(): boolean {
    const type = this.LA(1).tokenType
    const starts = [t.LeftParen, t.LeftBrace, t.StringToken, t.Add, t.Sub, t.Fill, t.FillLeft, t.FillRight]
    return starts.includes(type) || type.CATEGORIES!.includes(t.MetricName) || type.CATEGORIES!.includes(t.NumberLike)
  }

  /** Notes the end of a token that can end an expression. */
  private close(token: IToken): IToken {
    this.ACTION(() => (this.builder.lastClosing = token.endOffset! + 1))
    return token
  }
}
