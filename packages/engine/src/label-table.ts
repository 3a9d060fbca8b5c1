/** LabelTable: distinct label bytes, numbered from 0 in the order of their coming: an open-addressing hash table over one arena. */
export class LabelTable {
  #bytes = new Uint8Array(4_096)
  #offsets = new Uint32Array(65)
  #hashes = new Uint32Array(64)
  /** Number + 1 by hash, 0 for none; twice as long as there are numbers at most. */
  #table = new Uint32Array(128)
  #count = 0

  get size(): number {
    return this.#count
  }

  /** The number of these bytes, which are copied when they are new. */
  add(labelBytes: Uint8Array): number {
    const hash = hashOf(labelBytes)
    const mask = this.#table.length - 1
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const number = this.#table[at]! - 1
      if (number < 0) return this.#insert(at, hash, labelBytes)
      if (this.#hashes[number] === hash && this.#equals(number, labelBytes)) return number
    }
  }

  /** A view; valid until the next `add`. */
  labelBytes(number: number): Uint8Array {
    return this.#bytes.subarray(this.#offsets[number]!, this.#offsets[number + 1]!)
  }

  #insert(at: number, hash: number, labelBytes: Uint8Array): number {
    const number = this.#count++
    const start = this.#offsets[number]!
    const end = start + labelBytes.length
    if (end > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      bytes.set(this.#bytes.subarray(0, start))
      this.#bytes = bytes
    }
    this.#bytes.set(labelBytes, start)
    this.#hashes[number] = hash
    this.#offsets[number + 1] = end
    this.#table[at] = number + 1
    if (this.#count === this.#hashes.length) this.#grow()
    return number
  }

  #equals(number: number, labelBytes: Uint8Array): boolean {
    const start = this.#offsets[number]!
    if (this.#offsets[number + 1]! - start !== labelBytes.length) return false
    for (let i = 0; i < labelBytes.length; i++) if (this.#bytes[start + i] !== labelBytes[i]) return false
    return true
  }

  #grow(): void {
    const capacity = this.#hashes.length * 2
    const hashes = new Uint32Array(capacity)
    hashes.set(this.#hashes)
    this.#hashes = hashes
    const offsets = new Uint32Array(capacity + 1)
    offsets.set(this.#offsets)
    this.#offsets = offsets
    this.#table = new Uint32Array(capacity * 2)
    const mask = this.#table.length - 1
    for (let number = 0; number < this.#count; number++) {
      let at = hashes[number]! & mask
      while (this.#table[at] !== 0) at = (at + 1) & mask
      this.#table[at] = number + 1
    }
  }
}

// FNV-1a with a final mix. The table lives as long as one selection over labels that are stored already, so no seed is needed.
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c_9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x0100_0193)
  hash ^= hash >>> 15
  return Math.imul(hash, 0x85eb_ca6b) >>> 0
}
