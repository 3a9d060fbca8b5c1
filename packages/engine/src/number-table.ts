/**
 * NumberTable: distinct numbers, renumbered from 0 in the order of their coming, by open addressing in one typed array.
 */
export class NumberTable {
  readonly #mask: number
  // Entry e: number + 1 at 2e, its new number at 2e + 1.
  readonly #table: Uint32Array
  #count = 0

  /** For at most so many numbers. */
  constructor(numbers: number) {
    const size = 2 ** (32 - Math.clz32(Math.max(8, 2 * numbers)))
    this.#mask = size - 1
    this.#table = new Uint32Array(2 * size)
  }

  add(number: number): number {
    const table = this.#table
    for (let at = Math.imul(number, 0x9e37_79b1) & this.#mask; ; at = (at + 1) & this.#mask) {
      const there = table[2 * at]!
      if (there === number + 1) return table[2 * at + 1]!
      if (there !== 0) continue
      table[2 * at] = number + 1
      table[2 * at + 1] = this.#count
      return this.#count++
    }
  }
}
