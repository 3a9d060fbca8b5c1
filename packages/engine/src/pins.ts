/**
 * Pins: how a reader keeps what it looks at. A view pins the present epoch; whatever the writer lets go of while views are open (blocks of
 * columns, series numbers, segment files) is freed when the last view that may look at it has let go.
 */
export class Pins {
  #epoch = 0
  /** Pinned epochs in the order of their pinning, hence ascending. */
  readonly #live = new Set<number>()
  #waiting: { epoch: number; run: () => void }[] = []

  /** Whether any view is open. */
  get active(): boolean {
    return this.#live.size > 0
  }

  /** Grows with every pin: what was let go in one epoch may be freed together. */
  get epoch(): number {
    return this.#epoch
  }

  pin(): number {
    this.#live.add(++this.#epoch)
    return this.#epoch
  }

  /** Lets go of a pin; once more does nothing. */
  unpin(epoch: number): void {
    if (!this.#live.delete(epoch) || this.#waiting.length === 0) return
    const oldest = this.#live.values().next().value ?? Infinity
    let done = 0
    while (done < this.#waiting.length && this.#waiting[done]!.epoch < oldest) done++
    if (done === 0) return
    const ready = this.#waiting.slice(0, done)
    this.#waiting = this.#waiting.slice(done)
    for (const { run } of ready) run()
  }

  /** Runs at once when no view is open, else when all views that are open now have let go. */
  whenFree(run: () => void): void {
    if (this.#live.size === 0) run()
    else this.#waiting.push({ epoch: this.#epoch, run })
  }
}
