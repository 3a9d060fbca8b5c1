/**
 * StallMeter: how long single turns of the event loop take. A chain of immediates runs once a turn; between two of its links lies one turn. It tells
 * the time on the wall, and the time of this thread on a processor: on a busy machine a thread waits for a processor too, which is no work of
 * the store's.
 */
export class StallMeter {
  #running: ReturnType<typeof setImmediate> | null = null
  #at = 0
  #cpu: NodeJS.CpuUsage = process.threadCpuUsage()
  #wall = 0
  #processor = 0
  #waiting: (() => void)[] = []

  start(): void {
    this.#wall = this.#processor = 0
    this.#begin()
    this.#running = setImmediate(() => this.#turn())
  }

  /** Ends the measurement; says what the longest turns were. */
  stop(): string {
    if (this.#running !== null) clearImmediate(this.#running)
    this.#running = null
    this.#end()
    for (const resolve of this.#waiting.splice(0)) resolve()
    return `longest stall ${this.#wall.toFixed(0)} ms, of processor ${this.#processor.toFixed(0)} ms`
  }

  /** Lets a turn of the loop pass: what the caller does after it is a turn of its own, and not counted. */
  pass(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #turn(): void {
    this.#end()
    const waiting = this.#waiting.splice(0)
    this.#running = setImmediate(() => this.#turn())
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
