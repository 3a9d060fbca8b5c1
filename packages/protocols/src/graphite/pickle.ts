/**
 * Python's pickle, as far as it is data: lists, tuples, text, bytes, numbers, booleans, None, and the memo by which a pickle says a thing twice. That
 * is all that senders of Graphite need. A pickle is a program for a machine with a stack; here the instructions that would call something
 * (GLOBAL, REDUCE, BUILD and their kin) are refused by name, so nothing is ever run.
 *
 * Protocols 0 to 4, https://docs.python.org/3/library/pickletools.html
 */
import { LineProblem } from '../line-problem.ts'
import { bytesOf, textOf } from '../utf8.ts'

/** A text or bytes object: where its bytes stand. */
export class PickledText {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.start = start
    this.end = end
  }
}

/** Lists and tuples may stand in several places, and a list in itself: who walks one goes as deep as is expected and no further. */
export type Pickled = PickledText | number | boolean | null | readonly Pickled[]

/** What waits on the stack: Python's pickler brings 1,000 items at a time, others a whole list. */
const MAX_STACK = 262_144
/** Integers of more bytes than this are no numbers that anyone sends. */
const MAX_INTEGER_BYTES = 32

const MARK: unique symbol = Symbol('mark')
type Value = PickledText | number | boolean | null | Value[]
type Slot = Value | typeof MARK

/** The instructions that call, build or name what is not data. */
const REFUSED: Readonly<Record<number, string>> = {
  0x52: 'REDUCE',
  0x50: 'PERSID',
  0x51: 'BINPERSID',
  0x62: 'BUILD',
  0x63: 'GLOBAL',
  0x69: 'INST',
  0x6f: 'OBJ',
  0x81: 'NEWOBJ',
  0x82: 'EXT1',
  0x83: 'EXT2',
  0x84: 'EXT4',
  0x92: 'NEWOBJ_EX',
  0x93: 'STACK_GLOBAL',
}

/** The object that a pickle holds. @throws LineProblem where it is none, or more than data. */
export function unpickle(bytes: Uint8Array, start: number, end: number): Pickled {
  return new Machine(bytes, start, end).run()
}

class Machine {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #end: number
  #at: number
  readonly #stack: Slot[] = []
  readonly #memo = new Map<number, Value>()

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#at = start
    this.#end = end
  }

  run(): Pickled {
    const stack = this.#stack
    for (;;) {
      if (stack.length > MAX_STACK) throw new LineProblem(this.#at, `more than ${MAX_STACK} objects wait on the stack`)
      const at = this.#at
      const code = this.#byte()
      switch (code) {
        case 0x80: // PROTO
          if (this.#byte() > 5) throw new LineProblem(at, `the protocol ${this.#bytes[at + 1]!} is not known`)
          break
        case 0x95: // FRAME
          this.#skip(8)
          break
        case 0x2e: // STOP
          return this.#pop()
        case 0x28: // MARK
          stack.push(MARK)
          break
        case 0x30: // POP
          if (stack.pop() === undefined) throw new LineProblem(at, 'the stack is empty')
          break
        case 0x31: // POP_MARK
          this.#sinceMark()
          break
        case 0x32: // DUP
          stack.push(this.#top())
          break
        case 0x5d: // EMPTY_LIST
        case 0x29: // EMPTY_TUPLE
          stack.push([])
          break
        case 0x6c: // LIST
        case 0x74: // TUPLE
          stack.push(this.#sinceMark())
          break
        case 0x61: {
          // APPEND
          const item = this.#pop()
          this.#list().push(item)
          break
        }
        case 0x65: {
          // APPENDS
          const items = this.#sinceMark()
          const list = this.#list()
          for (const item of items) list.push(item)
          break
        }
        case 0x85: // TUPLE1
        case 0x86: // TUPLE2
        case 0x87: // TUPLE3
          stack.push(this.#last(code - 0x84))
          break
        case 0x4e: // NONE
          stack.push(null)
          break
        case 0x88: // NEWTRUE
        case 0x89: // NEWFALSE
          stack.push(code === 0x88)
          break
        case 0x49: // INT
        case 0x4c: // LONG
          stack.push(this.#decimalInteger())
          break
        case 0x4a: // BININT
          stack.push(this.#view.getInt32(this.#skip(4), true))
          break
        case 0x4b: // BININT1
          stack.push(this.#byte())
          break
        case 0x4d: // BININT2
          stack.push(this.#view.getUint16(this.#skip(2), true))
          break
        case 0x8a: // LONG1
          stack.push(this.#integer(this.#byte()))
          break
        case 0x8b: // LONG4
          stack.push(this.#integer(this.#uint32()))
          break
        case 0x46: // FLOAT
          stack.push(this.#decimalFloat())
          break
        case 0x47: // BINFLOAT
          stack.push(this.#view.getFloat64(this.#skip(8), false))
          break
        case 0x55: // SHORT_BINSTRING
        case 0x8c: // SHORT_BINUNICODE
        case 0x43: // SHORT_BINBYTES
          this.#text(this.#byte())
          break
        case 0x54: // BINSTRING
        case 0x58: // BINUNICODE
        case 0x42: // BINBYTES
          this.#text(this.#uint32())
          break
        case 0x8d: // BINUNICODE8
        case 0x8e: // BINBYTES8
          this.#text(this.#uint64())
          break
        case 0x53: // STRING
          stack.push(this.#quoted())
          break
        case 0x56: // UNICODE
          stack.push(this.#unicode())
          break
        case 0x70: // PUT
          this.#memo.set(this.#decimalInteger(), this.#top())
          break
        case 0x71: // BINPUT
          this.#memo.set(this.#byte(), this.#top())
          break
        case 0x72: // LONG_BINPUT
          this.#memo.set(this.#uint32(), this.#top())
          break
        case 0x94: // MEMOIZE
          this.#memo.set(this.#memo.size, this.#top())
          break
        case 0x67: // GET
          this.#recall(this.#decimalInteger())
          break
        case 0x68: // BINGET
          this.#recall(this.#byte())
          break
        case 0x6a: // LONG_BINGET
          this.#recall(this.#uint32())
          break
        default:
          throw new LineProblem(
            at,
            code in REFUSED
              ? `${REFUSED[code]} is refused: a pickle here is data and never runs anything`
              : `the instruction 0x${code.toString(16).padStart(2, '0')} is not one of lists, tuples, text and numbers`,
          )
      }
    }
  }

  #byte(): number {
    return this.#bytes[this.#skip(1)]!
  }

  #uint32(): number {
    return this.#view.getUint32(this.#skip(4), true)
  }

  #uint64(): number {
    const at = this.#skip(8)
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x1_0000_0000
  }

  /** Where the next bytes begin, which are passed over. */
  #skip(count: number): number {
    const at = this.#at
    if (count > this.#end - at) throw new LineProblem(at, `${count} bytes should follow, and there are ${this.#end - at}`)
    this.#at = at + count
    return at
  }

  /** The bytes up to the next line end, which is passed over. */
  #line(): PickledText {
    const at = this.#at
    const newline = this.#bytes.indexOf(0x0a, at)
    if (newline < 0 || newline >= this.#end) throw new LineProblem(at, 'a line end should follow')
    this.#at = newline + 1
    return new PickledText(this.#bytes, at, newline)
  }

  #text(length: number): void {
    const at = this.#skip(length)
    this.#stack.push(new PickledText(this.#bytes, at, at + length))
  }

  /** An integer of so many bytes, the lowest first, in two's complement. */
  #integer(length: number): number {
    if (length > MAX_INTEGER_BYTES) throw new LineProblem(this.#at, `an integer of ${length} bytes; at most ${MAX_INTEGER_BYTES} are taken`)
    const at = this.#skip(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[at + i]!)
    return Number(BigInt.asIntN(8 * length, value))
  }

  #decimalInteger(): number {
    const { bytes, start, end } = this.#line()
    const text = textOf(bytes, start, end).replace(/L$/, '')
    if (!/^[+-]?\d{1,80}$/.test(text)) throw new LineProblem(start, `expected an integer, found ${JSON.stringify(text.slice(0, 40))}`)
    return Number(text)
  }

  #decimalFloat(): number {
    const { bytes, start, end } = this.#line()
    const text = textOf(bytes, start, end)
    const special = /^([+-]?)(?:(inf)|nan)$/.exec(text)
    if (special !== null) return special[2] === undefined ? NaN : special[1] === '-' ? -Infinity : Infinity
    if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/.test(text))
      throw new LineProblem(start, `expected a number, found ${JSON.stringify(text.slice(0, 40))}`)
    return Number(text)
  }

  /** A text as Python 2 shows one: in quotes, with backslashes before what they are for. */
  #quoted(): PickledText {
    const { bytes, start, end } = this.#line()
    const quote = bytes[start]
    if (end - start < 2 || (quote !== 0x22 && quote !== 0x27) || bytes[end - 1] !== quote)
      throw new LineProblem(start, 'a text should be in quotes')
    if (!bytes.subarray(start, end).includes(0x5c)) return new PickledText(bytes, start + 1, end - 1)
    const plain = new Uint8Array(end - start)
    let length = 0
    for (let at = start + 1; at < end - 1; at++) {
      if (bytes[at] !== 0x5c) {
        plain[length++] = bytes[at]!
        continue
      }
      at++
      const hex = bytes[at] === 0x78 ? /^[0-9a-fA-F]{2}/.exec(textOf(bytes, at + 1, Math.min(end - 1, at + 3))) : null
      if (hex !== null) {
        plain[length++] = Number.parseInt(hex[0], 16)
        at += 2
      } else plain[length++] = ESCAPES.get(bytes[at]!) ?? bytes[at]!
    }
    return new PickledText(plain, 0, length)
  }

  /** A text with `\u` and `\U` escapes; all else is Latin 1, as Python has it. */
  #unicode(): PickledText {
    const { bytes, start, end } = this.#line()
    let text = ''
    for (let at = start; at < end; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, Math.min(end, at + 8_192)))
    const plain = text.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, short: string | undefined, long: string) => {
      const point = Number.parseInt(short ?? long, 16)
      if (point > 0x10_ffff) throw new LineProblem(start, `there is no character ${point.toString(16)}`)
      return String.fromCodePoint(point)
    })
    const encoded = bytesOf(plain)
    return new PickledText(encoded, 0, encoded.length)
  }

  #pop(): Value {
    const value = this.#top()
    this.#stack.pop()
    return value
  }

  #top(): Value {
    const value = this.#stack.at(-1)
    if (value === undefined || value === MARK) throw new LineProblem(this.#at, 'there is no object on the stack')
    return value
  }

  #list(): Value[] {
    const value = this.#top()
    if (!Array.isArray(value)) throw new LineProblem(this.#at, 'there is no list to append to')
    return value
  }

  /** Takes the last few objects off the stack. */
  #last(count: number): Value[] {
    const from = this.#stack.length - count
    if (from < 0 || this.#stack.includes(MARK, from)) throw new LineProblem(this.#at, `${count} objects should be on the stack`)
    return this.#stack.splice(from) as Value[]
  }

  /** Takes all objects since the last mark off the stack, and the mark. */
  #sinceMark(): Value[] {
    const mark = this.#stack.lastIndexOf(MARK)
    if (mark < 0) throw new LineProblem(this.#at, 'there is no mark on the stack')
    const values = this.#stack.splice(mark + 1) as Value[]
    this.#stack.pop()
    return values
  }

  #recall(key: number): void {
    const value = this.#memo.get(key)
    if (value === undefined) throw new LineProblem(this.#at, `nothing was put down as number ${key}`)
    this.#stack.push(value)
  }
}

const ESCAPES = new Map([
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
])
