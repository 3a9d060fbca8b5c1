/**
 * SlotMap: from a series' number to another number, as its slot in one head. Numbers ascend for ever while old ones leave, so the map is a table of
 * small pages, and only the pages of numbers in use exist.
 */
const PAGE_SHIFT = 12
const PAGE_SIZE = 1 << PAGE_SHIFT
const PAGE_MASK = PAGE_SIZE - 1

export class SlotMap {
  /** Slot + 1 by series number; 0 means none. */
  readonly #pages: (Uint32Array | undefined)[] = []
  readonly #pageSize: number
  bytes = 0

  /** `end`: all numbers are below it, for maps of few. */
  constructor(end: number = Infinity) {
    this.#pageSize = Math.min(PAGE_SIZE, end)
  }

  /** The slot of a series, or -1. */
  get(id: number): number {
    const page = this.#pages[id >>> PAGE_SHIFT]
    return page === undefined ? -1 : page[id & PAGE_MASK]! - 1
  }

  set(id: number, slot: number): void {
    const at = id >>> PAGE_SHIFT
    // Holes would turn the list into a dictionary.
    while (this.#pages.length < at) this.#pages.push(undefined)
    let page = this.#pages[at]
    if (page === undefined) {
      page = new Uint32Array(this.#pageSize)
      this.#pages[at] = page
      this.bytes += page.byteLength
    }
    page[id & PAGE_MASK] = slot + 1
  }
}
