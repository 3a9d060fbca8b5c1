/**
 * JsonBytes: JSON as the bytes that go over the wire, without strings between. Numbers and labels are nearly all of an answer; a number that has few
 * digits is written digit by digit, and every other one by JavaScript's own shortest conversion.
 */
import { printValue } from '../decimal.ts'
import { PROMETHEUS_JSON_LIMITS } from './limits.ts'

/** No number and no punctuation around it takes more. */
const MAX_NUMBER_BYTES = 64
/** Decimals of up to so many digits are distinct doubles: the one that is found is the shortest. */
const MAX_SHORT = 1e15

const encoder = new TextEncoder()

// The memory of the writer that is through, for the next one.
let spare: Uint8Array<ArrayBuffer> | null = null

export class JsonBytes {
  #bytes: Uint8Array<ArrayBuffer>
  #at = 0
  // The thousands of seconds of the last time, and their digits.
  #high = 0
  #highCount = 0
  readonly #highDigits = new Uint8Array(16)

  constructor() {
    this.#bytes = spare ?? new Uint8Array(65_536)
    spare = null
  }

  /** Whether there is enough for a piece. */
  get isFull(): boolean {
    return this.#at >= PROMETHEUS_JSON_LIMITS.pieceBytes
  }

  /** What was written since the last time, as bytes of its own. */
  take(): Uint8Array<ArrayBuffer> {
    const piece = this.#bytes.slice(0, this.#at)
    this.#at = 0
    return piece
  }

  /** Gives the writer's memory to the next one. */
  end(): void {
    if (this.#bytes.length <= 2 * PROMETHEUS_JSON_LIMITS.pieceBytes) spare = this.#bytes
  }

  /** How much was written since the last piece. */
  get length(): number {
    return this.#at
  }

  /** A copy of what was written from a length on. */
  since(length: number): Uint8Array {
    return this.#bytes.slice(length, this.#at)
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** Text as it is. */
  text(text: string): void {
    this.#reserve(3 * text.length)
    const bytes = this.#bytes
    let at = this.#at
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code >= 0x80) {
        this.#at += encoder.encodeInto(text, bytes.subarray(this.#at)).written
        return
      }
      bytes[at++] = code
    }
    this.#at = at
  }

  /** A string with its quotes. */
  quoted(text: string): void {
    this.#reserve(3 * text.length + 2)
    const bytes = this.#bytes
    let at = this.#at
    bytes[at++] = QUOTE
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code < 0x20 || code === QUOTE || code === BACKSLASH || code >= 0x80) {
        this.text(JSON.stringify(text))
        return
      }
      bytes[at++] = code
    }
    bytes[at++] = QUOTE
    this.#at = at
  }

  /** `[time,"value"]` with a time in milliseconds. */
  sample(ms: number, value: number): void {
    this.#reserve(MAX_NUMBER_BYTES)
    this.#bytes[this.#at++] = OPEN
    this.#milliseconds(ms)
    this.#bytes[this.#at++] = COMMA
    this.#bytes[this.#at++] = QUOTE
    this.#value(value)
    this.#bytes[this.#at++] = QUOTE
    this.#bytes[this.#at++] = CLOSE
  }

  /** Milliseconds as seconds with three decimals, or none. */
  milliseconds(ms: number): void {
    this.#reserve(MAX_NUMBER_BYTES)
    this.#milliseconds(ms)
  }

  comma(): void {
    this.#reserve(1)
    this.#bytes[this.#at++] = COMMA
  }

  #milliseconds(ms: number): void {
    if (!(ms >= 0 && ms < MAX_SHORT) || ms !== Math.floor(ms)) {
      this.text(printMilliseconds(ms))
      return
    }
    // Neighbouring times begin alike: what counts thousands of seconds is written once and copied.
    const high = Math.floor(ms / 1e6)
    const low = ms - high * 1e6
    const seconds = (low / 1_000) | 0
    const rest = low - seconds * 1_000
    if (high === 0) this.#digits(seconds)
    else {
      if (high === this.#high) this.#copyHigh()
      else this.#writeHigh(high)
      this.#threeDigits(seconds)
    }
    if (rest === 0) return
    this.#bytes[this.#at++] = POINT
    this.#threeDigits(rest)
  }

  #copyHigh(): void {
    const bytes = this.#bytes
    const digits = this.#highDigits
    const at = this.#at
    const count = this.#highCount
    for (let i = 0; i < count; i++) bytes[at + i] = digits[i]!
    this.#at = at + count
  }

  #writeHigh(high: number): void {
    const from = this.#at
    this.#digits(high)
    this.#high = high
    this.#highCount = this.#at - from
    this.#highDigits.set(this.#bytes.subarray(from, this.#at))
  }

  /** As `printValue` has it. */
  #value(value: number): void {
    const size = Math.abs(value)
    const thousandths = Math.round(size * 1_000)
    if (thousandths / 1_000 === size && thousandths < MAX_SHORT) {
      if (value < 0 || (value === 0 && Object.is(value, -0))) this.#bytes[this.#at++] = MINUS
      const whole = Math.floor(thousandths / 1_000)
      this.#digits(whole)
      this.#thousandths(thousandths - whole * 1_000)
      return
    }
    const text = size >= 1e-6 && size < 1e21 ? `${value}` : printValue(value)
    const bytes = this.#bytes
    let at = this.#at
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i)
    this.#at = at
  }

  /** The decimals, without zeros at their end. */
  #thousandths(rest: number): void {
    if (rest === 0) return
    const bytes = this.#bytes
    bytes[this.#at++] = POINT
    const tenths = (rest / 100) | 0
    bytes[this.#at++] = ZERO + tenths
    rest -= tenths * 100
    if (rest === 0) return
    const hundredths = (rest / 10) | 0
    bytes[this.#at++] = ZERO + hundredths
    rest -= hundredths * 10
    if (rest !== 0) bytes[this.#at++] = ZERO + rest
  }

  #threeDigits(value: number): void {
    const bytes = this.#bytes
    const hundreds = (value / 100) | 0
    const tens = ((value - hundreds * 100) / 10) | 0
    bytes[this.#at++] = ZERO + hundreds
    bytes[this.#at++] = ZERO + tens
    bytes[this.#at++] = ZERO + (value - hundreds * 100 - tens * 10)
  }

  /** A whole number below 10^15. */
  #digits(value: number): void {
    if (value >= 1e9) {
      const high = Math.floor(value / 1e9)
      this.#digits(high)
      this.#paddedDigits(value - high * 1e9, 9)
      return
    }
    let count = 1
    for (let limit = 10; limit <= value; limit *= 10) count++
    this.#paddedDigits(value, count)
  }

  #paddedDigits(value: number, count: number): void {
    const bytes = this.#bytes
    let rest = value | 0
    for (let at = this.#at + count - 1; at >= this.#at; at--) {
      const next = (rest / 10) | 0
      bytes[at] = ZERO + (rest - next * 10)
      rest = next
    }
    this.#at += count
  }

  #reserve(extra: number): void {
    if (this.#at + extra <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + extra))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
  }
}

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const OPEN = 0x5b
const BACKSLASH = 0x5c
const CLOSE = 0x5d

/** Any milliseconds as seconds with three decimals, or none. */
function printMilliseconds(ms: number): string {
  const rest = ms % 1_000
  if (rest === 0) return `${ms / 1_000}`
  if (ms < 0) return `${-Math.ceil(ms / 1_000) === 0 ? '-0' : Math.ceil(ms / 1_000)}.${String(-rest).padStart(3, '0')}`
  return `${(ms - rest) / 1_000}.${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}`
}
