/** TextCache: what texts that come again were made into. The least recently used text goes first. */

/** Longer texts are machine-made and hardly come again. */
const MAX_TEXT = 8_192

export class TextCache<T> {
  readonly #maxChars: number
  readonly #known = new Map<string, T>()
  #chars = 0

  /** Keeps texts of so many characters together. What a text of PromQL becomes takes some fifty times its memory. */
  constructor(maxChars = 131_072) {
    this.#maxChars = maxChars
  }

  get size(): number {
    return this.#known.size
  }

  get(key: string): T | undefined {
    const known = this.#known.get(key)
    if (known === undefined) return undefined
    this.#known.delete(key)
    this.#known.set(key, known)
    return known
  }

  set(key: string, known: T): void {
    if (key.length > MAX_TEXT || key.length > this.#maxChars || this.#known.has(key)) return
    this.#known.set(key, known)
    this.#chars += key.length
    for (const oldest of this.#known.keys()) {
      if (this.#chars <= this.#maxChars) return
      this.#known.delete(oldest)
      this.#chars -= oldest.length
    }
  }
}
