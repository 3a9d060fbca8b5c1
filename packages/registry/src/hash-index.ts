/**
 * HashIndex: from hashes to numbers, for tables that keep what is hashed themselves. Open addressing with linear probing; an entry is the
 * full hash beside the number, so that a probe of a wrong entry rarely costs a look at what it stands for.
 *
 * The entries are spread over 64 tables by the top bits of the hash. Each grows on its own, so that no insertion of the millionth entry has to
 * move the other 999,999 at once.
 */
const TABLES = 64
const TABLE_SHIFT = 26
const FIRST_CAPACITY = 16

export class HashIndex {
  size = 0
  // Entry e of a table: hash at 2e, number at 2e + 1; number 0 means free.
  readonly #tables: Uint32Array[] = Array.from({ length: TABLES }, () => new Uint32Array(FIRST_CAPACITY * 2))
  readonly #counts: Uint32Array = new Uint32Array(TABLES)

  get bytesUsed(): number {
    let bytes = 0
    for (const table of this.#tables) bytes += table.byteLength
    return bytes
  }

  /**
   * The next candidate for a hash. Begin with `position` -1, go on with the position of the candidate that was wrong; -1 says that there is
   * none. {@link numberAt} gives the candidate.
   */
  probe(hash: number, position: number): number {
    const table = this.#tables[hash >>> TABLE_SHIFT]!
    const mask = (table.length >>> 1) - 1
    let entry = position < 0 ? hash & mask : (position + 1) & mask
    while (table[entry * 2 + 1] !== 0) {
      if (table[entry * 2] === hash) return entry
      entry = (entry + 1) & mask
    }
    return -1
  }

  numberAt(hash: number, position: number): number {
    return this.#tables[hash >>> TABLE_SHIFT]![position * 2 + 1]!
  }

  /** Adds a number, not 0, that the index does not hold under this hash. */
  add(hash: number, number: number): void {
    const t = hash >>> TABLE_SHIFT
    // Three quarters full: with linear probing longer runs begin above that.
    if ((this.#counts[t]! + 1) * 8 > this.#tables[t]!.length * 3) this.#resize(t, this.#tables[t]!.length * 2)
    place(this.#tables[t]!, hash, number)
    this.#counts[t]!++
    this.size++
  }

  /** Removes a number that the index holds under this hash. */
  remove(hash: number, number: number): void {
    const t = hash >>> TABLE_SHIFT
    const table = this.#tables[t]!
    const mask = (table.length >>> 1) - 1
    let hole = hash & mask
    while (table[hole * 2 + 1] !== number) hole = (hole + 1) & mask
    // What follows in the same run moves up, so that no probe ends at the hole before it should.
    for (let entry = (hole + 1) & mask; table[entry * 2 + 1] !== 0; entry = (entry + 1) & mask) {
      const home = table[entry * 2]! & mask
      if (((entry - home) & mask) < ((entry - hole) & mask)) continue
      table[hole * 2] = table[entry * 2]!
      table[hole * 2 + 1] = table[entry * 2 + 1]!
      hole = entry
    }
    table[hole * 2] = 0
    table[hole * 2 + 1] = 0
    this.#counts[t]!--
    this.size--
    if (table.length > FIRST_CAPACITY * 2 && this.#counts[t]! * 16 < table.length) this.#resize(t, table.length / 2)
  }

  #resize(t: number, length: number): void {
    const old = this.#tables[t]!
    const table = new Uint32Array(length)
    for (let i = 0; i < old.length; i += 2) if (old[i + 1] !== 0) place(table, old[i]!, old[i + 1]!)
    this.#tables[t] = table
  }
}

function place(table: Uint32Array, hash: number, number: number): void {
  const mask = (table.length >>> 1) - 1
  let entry = hash & mask
  while (table[entry * 2 + 1] !== 0) entry = (entry + 1) & mask
  table[entry * 2] = hash
  table[entry * 2 + 1] = number
}
