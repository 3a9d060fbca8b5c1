/** Clock: time of day, time since some start, and timers. */

export interface Clock {
  /** Milliseconds since 1970 UTC; may jump. */
  now(): number
  /** Milliseconds since some moment; never goes back. */
  monotonic(): number
  /** Runs `run` once, `ms` from now. A waiting timer does not keep the process alive. */
  setTimer(ms: number, run: () => void): Timer
  /** Lets whoever else is ready run: I/O, timers, requests. What long work calls between its slices. */
  turn(): Promise<void>
}

export interface Timer {
  cancel(): void
}

// Runtimes keep a timeout in 31 bits and run a longer one at once.
const MAX_TIMEOUT_MS = 2_147_483_647

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(ms: number, run: () => void): Timer {
    let timer: unknown
    const wait = (left: number): void => {
      const step = Math.min(left, MAX_TIMEOUT_MS)
      timer = setTimeout(() => (left > step ? wait(left - step) : run()), step)
      // On Node a timer is an object that can be told not to hold the process; in browsers it is a number.
      if (typeof timer === 'object' && timer !== null) (timer as { unref(): void }).unref()
    }
    wait(ms)
    return { cancel: () => clearTimeout(timer as number) }
  },
  turn(): Promise<void> {
    const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => void }
    return new Promise((resolve) => (setImmediate === undefined ? setTimeout(resolve, 0) : setImmediate(resolve)))
  },
}
