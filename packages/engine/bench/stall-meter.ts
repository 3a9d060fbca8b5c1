/**
 * StallMeter: how long single turns of the event loop take. A chain of immediates runs once a turn; between two of its links lies one turn. It tells
 * the time on the wall, and the time of this thread on a processor: on a busy machine a thread waits for a processor too, which is no work of
 * the store's.
 */
export class StallMeter {
  /** Which measurement is under way; a chain of another one ends. */
  #run = 0
  #at = 0
  #cpu: NodeJS.CpuUsage = process.threadCpuUsage()
  #wall = 0
  #processor = 0
  #waiting: (() => void)[] = []

  start(): void {
    this.#wall = this.#processor = 0
    this.#begin()
    const run = ++this.#run
    setImmediate(() => this.#turn(run))
  }

  /** Ends the measurement; says what the longest turns were. */
  stop(): string {
    this.#run++
    this.#end()
    for (const resolve of this.#waiting.splice(0)) resolve()
    return `longest stall ${this.#wall.toFixed(0)} ms, of processor ${this.#processor.toFixed(0)} ms`
  }

  /** Lets a turn of the loop pass: what the caller does after it is in another turn than what was before. */
  pass(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #turn(run: number): void {
    if (run !== this.#run) return
    this.#end()
    const waiting = this.#waiting.splice(0)
    setImmediate(() => this.#turn(run))
    this.#begin()
    for (const resolve of waiting) resolve()
  }

  #begin(): void {
    this.#cpu = process.threadCpuUsage()
    this.#at = performance.now()
  }

  #end(): void {
    const now = performance.now()
    const { user, system } = process.threadCpuUsage(this.#cpu)
    this.#wall = Math.max(this.#wall, now - this.#at)
    this.#processor = Math.max(this.#processor, (user + system) / 1e3)
  }
}
