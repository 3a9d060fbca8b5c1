/**
 * LabelWriter: from label pairs, in any order and as raw bytes, to the canonical bytes of a label set, without a string on the way.
 *
 * Pairs are collected in a scratch arena, sorted by the bytes of their names (most senders sort already), checked, and written with their
 * lengths. One writer serves a decoder for all its series.
 */
import { LIMITS, METRIC_NAME } from '@tsink/core'
import { bytesOf, encodeInto, isUtf8, textOf } from './utf8.ts'

const NAME_LABEL = bytesOf(METRIC_NAME)

export class LabelWriter {
  /** The canonical bytes after `finish`: `bytes[0 .. length)`. Valid until the next `begin`. */
  bytes: Uint8Array = new Uint8Array(1_024)
  length = 0
  #arena: Uint8Array = new Uint8Array(1_024)
  #used = 0
  #count = 0
  // For pair i: where its name begins, where the value begins, where the value ends.
  #bounds: Uint32Array = new Uint32Array(3 * 32)
  readonly #order: number[] = []

  begin(): void {
    this.#used = 0
    this.#count = 0
    this.length = 0
  }

  get count(): number {
    return this.#count
  }

  /** Adds a pair; both parts are copied. */
  add(bytes: Uint8Array, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    this.name(bytes, nameStart, nameEnd)
    this.value(bytes, valueStart, valueEnd)
  }

  /** Adds pairs of strings. */
  addAll(pairs: Iterable<readonly [string, string]>): void {
    for (const [name, value] of pairs) this.addText(name, value)
  }

  /** Begins a pair with its name; `value` or `valueText` must follow. */
  name(bytes: Uint8Array, start: number, end: number): void {
    if (this.#count * 3 + 3 > this.#bounds.length) this.#growBounds()
    this.#bounds[this.#count * 3] = this.#used
    this.#copy(bytes, start, end)
    this.#bounds[this.#count * 3 + 1] = this.#used
  }

  metricName(): void {
    this.name(NAME_LABEL, 0, NAME_LABEL.length)
  }

  value(bytes: Uint8Array, start: number, end: number): void {
    this.#copy(bytes, start, end)
    this.#bounds[this.#count * 3 + 2] = this.#used
    this.#count++
  }

  /** Adds a pair of strings. */
  addText(name: string, value: string): void {
    if (this.#count * 3 + 3 > this.#bounds.length) this.#growBounds()
    this.#bounds[this.#count * 3] = this.#used
    this.#copyText(name)
    this.#bounds[this.#count * 3 + 1] = this.#used
    this.valueText(value)
  }

  /** Ends the pair that `name` or `metricName` began. */
  valueText(value: string): void {
    this.#copyText(value)
    this.#bounds[this.#count * 3 + 2] = this.#used
    this.#count++
  }

  /**
   * Writes the canonical bytes. Empty values are left out, since they mean that the label is absent.
   * Of labels that are given twice the later one stays if `lastWins` says so; otherwise that is a fault. Returns what is wrong with the label
   * set, or null.
   */
  finish(requireMetricName: boolean, lastWins = false): string | null {
    const arena = this.#arena
    const bounds = this.#bounds
    const order = this.#sorted()
    if (this.#used + order.length * 10 > this.bytes.length) this.bytes = new Uint8Array((this.#used + order.length * 10) * 2)
    let named = false
    let at = 0
    let kept = 0
    for (let i = 0; i < order.length; i++) {
      const pair = order[i]!
      const nameStart = bounds[pair * 3]!
      const valueStart = bounds[pair * 3 + 1]!
      const end = bounds[pair * 3 + 2]!
      if (valueStart === nameStart) return 'a label name is empty'
      if (lastWins && i + 1 < order.length && this.#compare(pair, order[i + 1]!) === 0) continue
      if (!lastWins && i > 0 && this.#compare(order[i - 1]!, pair) === 0) return `label ${this.#show(nameStart, valueStart)} is given twice`
      if (!isUtf8(arena, nameStart, valueStart)) return `label name ${this.#show(nameStart, valueStart)} is not valid UTF-8`
      if (valueStart === end) continue
      if (!isUtf8(arena, valueStart, end)) return `the value of label ${this.#show(nameStart, valueStart)} is not valid UTF-8`
      const isName = valueStart - nameStart === 8 && sameBytes(arena, nameStart, NAME_LABEL)
      if (isName) named = true
      if (valueStart - nameStart > LIMITS.labelNameBytes) {
        return `label name ${this.#show(nameStart, nameStart + 40)} is longer than ${LIMITS.labelNameBytes} bytes`
      }
      const most = isName ? LIMITS.metricNameBytes : LIMITS.labelValueBytes
      if (end - valueStart > most) return `the value of label ${this.#show(nameStart, valueStart)} is longer than ${most} bytes`
      at = this.#write(nameStart, valueStart, at)
      at = this.#write(valueStart, end, at)
      kept++
    }
    if (kept > LIMITS.labelsPerSeries) return `${kept} labels; at most ${LIMITS.labelsPerSeries} are allowed`
    if (requireMetricName && !named) return 'the metric name is missing'
    this.length = at
    return null
  }

  /** `{name="value", ...}` of what was added, in the order given: for error messages. */
  toString(): string {
    const parts: string[] = []
    for (let pair = 0; pair < Math.min(this.#count, 20); pair++) {
      const [name, value, end] = [this.#bounds[pair * 3]!, this.#bounds[pair * 3 + 1]!, this.#bounds[pair * 3 + 2]!]
      parts.push(`${textOf(this.#arena, name, value)}=${JSON.stringify(textOf(this.#arena, value, Math.min(end, value + 80)))}`)
    }
    return `{${parts.join(', ')}${this.#count > 20 ? ', ...' : ''}}`
  }

  #sorted(): number[] {
    const order = this.#order
    order.length = this.#count
    for (let i = 0; i < this.#count; i++) {
      let at = i
      while (at > 0 && this.#compare(order[at - 1]!, i) > 0) {
        order[at] = order[at - 1]!
        at--
      }
      order[at] = i
      // An insertion sort is quickest for the sorted and nearly sorted sets of the field; a hostile one must not make it quadratic.
      if (i - at > 64) {
        for (let j = 0; j < this.#count; j++) order[j] = j
        return order.sort((a, b) => this.#compare(a, b))
      }
    }
    return order
  }

  #compare(a: number, b: number): number {
    const arena = this.#arena
    const bounds = this.#bounds
    const aStart = bounds[a * 3]!
    const bStart = bounds[b * 3]!
    const aSize = bounds[a * 3 + 1]! - aStart
    const bSize = bounds[b * 3 + 1]! - bStart
    const shared = aSize < bSize ? aSize : bSize
    for (let i = 0; i < shared; i++) {
      const difference = arena[aStart + i]! - arena[bStart + i]!
      if (difference !== 0) return difference
    }
    return aSize - bSize
  }

  #write(start: number, end: number, to: number): number {
    let at = to
    let size = end - start
    for (; size >= 0x80; size >>>= 7) this.bytes[at++] = (size & 0x7f) | 0x80
    this.bytes[at++] = size
    return copyBytes(this.#arena, start, end, this.bytes, at)
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start)
    this.#used = copyBytes(bytes, start, end, this.#arena, this.#used)
  }

  // ASCII is written unit by unit; the encoder is for the rest.
  #copyText(text: string): void {
    this.#reserve(text.length * 3)
    const arena = this.#arena
    let at = this.#used
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x80) {
        this.#used += encodeInto(text, arena, this.#used)
        return
      }
      arena[at++] = unit
    }
    this.#used = at
  }

  #reserve(size: number): void {
    const need = this.#used + size
    if (need <= this.#arena.length) return
    const arena = new Uint8Array(need * 2)
    arena.set(this.#arena.subarray(0, this.#used))
    this.#arena = arena
  }

  #growBounds(): void {
    const bounds = new Uint32Array(this.#bounds.length * 2)
    bounds.set(this.#bounds)
    this.#bounds = bounds
  }

  #show(start: number, end: number): string {
    return JSON.stringify(textOf(this.#arena, start, end))
  }
}

// Below some 40 bytes a loop is quicker than the call of set and the view that it needs.
function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  if (end - start > 40) {
    to.set(from.subarray(start, end), at)
    return at + end - start
  }
  let out = at
  for (let i = start; i < end; i++) to[out++] = from[i]!
  return out
}

function sameBytes(bytes: Uint8Array, start: number, other: Uint8Array): boolean {
  for (let i = 0; i < other.length; i++) if (bytes[start + i] !== other[i]) return false
  return true
}
