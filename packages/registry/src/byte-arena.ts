/**
 * ByteArena: many short byte strings end to end in blocks of 256 KiB, addressed by a 32-bit number. It grows block by block and never copies
 * what it holds; a block whose strings are mostly freed is told to the owner, who moves the rest and lets the block go.
 *
 *     address   block number · offset in the block (18 bits)
 */
import { assert, TsinkError } from '@tsink/core'

export const BLOCK_BITS = 18
export const BLOCK_BYTES: number = 1 << BLOCK_BITS
export const OFFSET_MASK: number = BLOCK_BYTES - 1
const MAX_BLOCKS = 1 << (32 - BLOCK_BITS)
const NO_BYTES = new Uint8Array(0)
const NO_VIEW = new DataView(NO_BYTES.buffer)

export class ByteArena {
  /** The blocks; a released one is empty until it is used again. An address's string is at `blocks[address >>> BLOCK_BITS]`, from `address & OFFSET_MASK`. */
  readonly blocks: Uint8Array[] = []
  /** The same memory, for reading whole words. */
  readonly views: DataView[] = []
  /** The numbers of the blocks that are being emptied. */
  readonly leaving: Set<number> = new Set()
  readonly #live: number[] = []
  readonly #released: number[] = []
  #current = -1
  #used = 0

  get bytesUsed(): number {
    return (this.blocks.length - this.#released.length) * BLOCK_BYTES
  }

  /** Room for a string of at most one block; its address is not 0. */
  allocate(length: number): number {
    assert(length > 0 && length < BLOCK_BYTES, 'a string fits into a block')
    if (this.#current < 0 || this.#used + length > BLOCK_BYTES) this.#begin()
    const address = ((this.#current << BLOCK_BITS) | this.#used) >>> 0
    this.#used += length
    this.#live[this.#current]! += length
    return address
  }

  free(address: number, length: number): void {
    this.#live[address >>> BLOCK_BITS]! -= length
  }

  /** Copies a string to a new place, frees the old one, and returns the new address. */
  move(address: number, length: number): number {
    const to = this.allocate(length)
    const start = address & OFFSET_MASK
    const source = this.blocks[address >>> BLOCK_BITS]!
    this.blocks[to >>> BLOCK_BITS]!.set(source.subarray(start, start + length), to & OFFSET_MASK)
    this.free(address, length)
    return to
  }

  /**
   * Chooses blocks to empty, `leaving`: those less than half in use, the one being filled aside, when there are enough of them that finding their
   * strings is worth it. The owner moves the strings, in its own time, and then calls {@link left}. Blocks without any use go at once.
   */
  choose(): boolean {
    const sparse: number[] = []
    let spare = 0
    for (let block = 0; block < this.blocks.length; block++) {
      if (block === this.#current || this.blocks[block] === NO_BYTES) continue
      if (this.#live[block] === 0) this.#release(block)
      else if (this.#live[block]! < BLOCK_BYTES / 2) {
        sparse.push(block)
        spare += BLOCK_BYTES - this.#live[block]!
      }
    }
    if (spare * 8 < this.bytesUsed) return false
    for (const block of sparse) this.leaving.add(block)
    return sparse.length > 0
  }

  /** Lets the blocks go that were being emptied. */
  left(): void {
    for (const block of this.leaving) this.#release(block)
    this.leaving.clear()
  }

  #release(block: number): void {
    assert(this.#live[block] === 0, 'a released block holds no string')
    this.blocks[block] = NO_BYTES
    this.views[block] = NO_VIEW
    this.#released.push(block)
  }

  #begin(): void {
    const block = this.#released.pop() ?? this.blocks.length
    if (block >= MAX_BLOCKS) throw new TsinkError('SERIES_LIMIT', 'label sets fill the 4 GiB that one registry can address')
    const bytes = new Uint8Array(BLOCK_BYTES)
    this.blocks[block] = bytes
    this.views[block] = new DataView(bytes.buffer)
    this.#live[block] = 0
    this.#current = block
    // Address 0 stands for nothing.
    this.#used = block === 0 ? 1 : 0
  }
}
