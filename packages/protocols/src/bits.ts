/**
 * Bits, most significant first, as the chunks of Prometheus have them. Numbers are split into two words where they have more than 32 bits; the
 * variable-length integers grow by classes: 0 in one bit, then 3, 6, 9, 12, 18, 25, 56 or 64 bits behind as many ones as the class has.
 */
import { badBody } from './decoded.ts'
import { HIGH, LOW } from './double-bits.ts'

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)
const CLASSES = [3, 6, 9, 12, 18, 25, 56, 64]
const CHUNK = 'chunk'

/** The window of the bits that changed in an XOR of two doubles. */
export interface XorWindow {
  leading: number
  trailing: number
}

export const NO_WINDOW = 0xff

export class BitWriter {
  #bytes: Uint8Array = new Uint8Array(256)
  #length = 0
  /** Free bits in the last byte. */
  #free = 0

  get sizeBytes(): number {
    return this.#length
  }

  /** A whole byte; stands where it does in the stream of bits. */
  byte(value: number): void {
    this.bits(value, 8)
  }

  bit(value: number): void {
    this.bits(value, 1)
  }

  /** The low `count` (at most 32) bits of `value`. */
  bits(value: number, count: number): void {
    let rest = count
    while (rest > 0) {
      if (this.#free === 0) {
        if (this.#length === this.#bytes.length) {
          const bytes = new Uint8Array(this.#bytes.length * 2)
          bytes.set(this.#bytes)
          this.#bytes = bytes
        }
        this.#bytes[this.#length++] = 0
        this.#free = 8
      }
      const take = rest < this.#free ? rest : this.#free
      const part = (value >>> (rest - take)) & ((1 << take) - 1)
      this.#bytes[this.#length - 1]! |= part << (this.#free - take)
      this.#free -= take
      rest -= take
    }
  }

  /** The low `count` (up to 64) bits of an integer of magnitude up to 2^53. */
  long(value: number, count: number): void {
    const high = Math.floor(value / 0x1_0000_0000)
    if (count > 32) this.bits(high >>> 0, count - 32)
    this.bits((value - high * 0x1_0000_0000) >>> 0, Math.min(count, 32))
  }

  double(value: number): void {
    double[0] = value
    this.bits(words[HIGH]!, 32)
    this.bits(words[LOW]!, 32)
  }

  /** A signed integer. */
  varbit(value: number): void {
    if (value === 0) return this.bit(0)
    for (let i = 0; i < CLASSES.length; i++) {
      const size = CLASSES[i]!
      const most = 2 ** (size - 1)
      if (i < CLASSES.length - 1 && !(value >= 1 - most && value <= most)) continue
      this.#prefix(i)
      this.long(value, size)
      return
    }
  }

  /** An unsigned integer. */
  uvarbit(value: number): void {
    if (value === 0) return this.bit(0)
    for (let i = 0; i < CLASSES.length; i++) {
      const size = CLASSES[i]!
      if (i < CLASSES.length - 1 && value >= 2 ** size) continue
      this.#prefix(i)
      this.long(value, size)
      return
    }
  }

  /** The XOR of a double with the one before it. */
  xor(value: number, before: number, window: XorWindow): void {
    double[0] = before
    const low = words[LOW]!
    const high = words[HIGH]!
    double[0] = value
    this.xorWords((low ^ words[LOW]!) >>> 0, (high ^ words[HIGH]!) >>> 0, window)
  }

  /** The same for the words of the difference. */
  xorWords(low: number, high: number, window: XorWindow): void {
    if (low === 0 && high === 0) return this.bit(0)
    this.bit(1)
    const leading = Math.min(31, high !== 0 ? Math.clz32(high) : 32 + Math.clz32(low))
    const trailing = low !== 0 ? trailingZeros(low) : 32 + trailingZeros(high)
    if (window.leading !== NO_WINDOW && leading >= window.leading && trailing >= window.trailing) this.bit(0)
    else {
      window.leading = leading
      window.trailing = trailing
      this.bit(1)
      this.bits(leading, 5)
      this.bits((64 - leading - trailing) & 63, 6)
    }
    const size = 64 - window.leading - window.trailing
    if (window.trailing >= 32) this.bits(high >>> (window.trailing - 32), size)
    else if (size <= 32) {
      const shifted = window.trailing === 0 ? low : ((low >>> window.trailing) | (high << (32 - window.trailing))) >>> 0
      this.bits(shifted, size)
    } else {
      this.bits(high >>> window.trailing, size - 32)
      this.bits(window.trailing === 0 ? low : ((low >>> window.trailing) | (high << (32 - window.trailing))) >>> 0, 32)
    }
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #prefix(index: number): void {
    // As many ones as the class has, and a zero behind them except in the last.
    if (index === CLASSES.length - 1) this.bits(0xff, 8)
    else this.bits((1 << (index + 2)) - 2, index + 2)
  }
}

export class BitReader {
  readonly #bytes: Uint8Array
  #at: number
  #left = 8

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes
    this.#at = start
  }

  byte(): number {
    return this.bits(8)
  }

  bit(): number {
    return this.bits(1)
  }

  /** The next `count` (at most 32) bits. @throws TsinkError BAD_REQUEST at the end of the chunk. */
  bits(count: number): number {
    let value = 0
    let rest = count
    while (rest > 0) {
      if (this.#at >= this.#bytes.length) throw badBody(CHUNK, `byte ${this.#at}`, 'ends inside a sample')
      const take = rest < this.#left ? rest : this.#left
      const part = (this.#bytes[this.#at]! >>> (this.#left - take)) & ((1 << take) - 1)
      value = (value << take) | part
      this.#left -= take
      if (this.#left === 0) {
        this.#left = 8
        this.#at++
      }
      rest -= take
    }
    return value >>> 0
  }

  /** `count` (up to 64) bits, unsigned. */
  long(count: number): number {
    if (count <= 32) return this.bits(count)
    const high = this.bits(count - 32)
    return high * 0x1_0000_0000 + this.bits(32)
  }

  /** `count` bits as the writer's signed classes have them: up to 2^(count-1) inclusive is positive. */
  signed(count: number): number {
    if (count === 64) {
      const high = this.bits(32) | 0
      return high * 0x1_0000_0000 + this.bits(32)
    }
    const value = this.long(count)
    return value > 2 ** (count - 1) ? value - 2 ** count : value
  }

  /** Reads a double into element `index` of a column, by its bits. */
  double(into: Uint32Array, index: number): void {
    into[index * 2 + HIGH] = this.bits(32)
    into[index * 2 + LOW] = this.bits(32)
  }

  varbit(): number {
    const size = this.#class()
    return size === 0 ? 0 : this.signed(size)
  }

  uvarbit(): number {
    const size = this.#class()
    return size === 0 ? 0 : this.long(size)
  }

  /** Reads the difference of a double from the one before it, which is element `index` of a column by its words, and applies it there. */
  xor(into: Uint32Array, index: number, window: XorWindow): void {
    if (this.bit() === 0) return
    if (this.bit() === 1) {
      window.leading = this.bits(5)
      const size = this.bits(6)
      window.trailing = 64 - window.leading - (size === 0 ? 64 : size)
      if (window.trailing < 0) throw badBody(CHUNK, `byte ${this.#at}`, 'a window of changed bits has more than 64 bits')
    } else if (window.leading === NO_WINDOW) throw badBody(CHUNK, `byte ${this.#at}`, 'a window is reused before there is one')
    const { leading, trailing } = window
    const size = 64 - leading - trailing
    // The changed bits, shifted to their place.
    const high = size > 32 ? this.bits(size - 32) : 0
    const low = this.bits(Math.min(32, size))
    if (trailing >= 32) into[index * 2 + HIGH]! ^= low << (trailing - 32)
    else {
      into[index * 2 + LOW]! ^= low << trailing
      into[index * 2 + HIGH]! ^= trailing === 0 ? high : (high << trailing) | (low >>> (32 - trailing))
    }
  }

  #class(): number {
    for (let i = 0; i < CLASSES.length; i++) if (this.bit() === 0) return i === 0 ? 0 : CLASSES[i - 1]!
    return CLASSES[CLASSES.length - 1]!
  }
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word)
}
