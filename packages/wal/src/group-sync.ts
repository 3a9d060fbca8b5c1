/**
 * GroupSync: callers who wait for a sync together share one. Who comes before it has really begun gets on; who comes later may have written what it does
 * not cover, and rides the next one.
 */
export class GroupSync {
  readonly #sync: () => Promise<void>
  #running: Promise<void> | null = null
  #following: Promise<void> | null = null
  /** Whether the sync under way has not begun yet, so that it covers what is written now. */
  #isBoarding = false

  constructor(sync: () => Promise<void>) {
    this.#sync = sync
  }

  get isRunning(): boolean {
    return this.#running !== null
  }

  /** Resolves when a sync is over that began after the call. Rejects as that does; after a failure nobody should ask again. */
  ride(): Promise<void> {
    if (this.#following !== null) return this.#following
    if (this.#running === null) return this.#start()
    if (this.#isBoarding) return this.#running
    this.#following = this.#running.then(() => {
      this.#following = null
      return this.#start()
    })
    return this.#following
  }

  /** Resolves when the sync under way is over, however it ends. */
  async settle(): Promise<void> {
    await this.#running?.catch(() => undefined)
  }

  #start(): Promise<void> {
    const running = this.#run().finally(() => {
      if (this.#running === running) this.#running = null
    })
    this.#running = running
    return running
  }

  async #run(): Promise<void> {
    // Everybody who is ready in this turn gets on.
    this.#isBoarding = true
    await Promise.resolve()
    this.#isBoarding = false
    await this.#sync()
  }
}
