/** A clock that stands still until it is moved by hand: tests own the time. */
import { assert } from '@tsink/core'
import type { Clock, Timer } from '../clock.ts'

interface WaitingTimer {
  due: number
  order: number
  run: () => void
}

export class ManualClock implements Clock {
  #now: number
  #elapsed = 0
  #order = 0
  #waiting: WaitingTimer[] = []

  constructor(startMs: number) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#elapsed
  }

  setTimer(ms: number, run: () => void): Timer {
    const timer = { due: this.#elapsed + Math.max(0, ms), order: this.#order++, run }
    this.#waiting.push(timer)
    return { cancel: () => this.#drop(timer) }
  }

  turn(): Promise<void> {
    return Promise.resolve()
  }

  /** Count of timers that wait. */
  get timers(): number {
    return this.#waiting.length
  }

  /** Moves both clocks `ms` on and runs what falls due on the way, in the order of due times, each at its time. */
  advance(ms: number): void {
    assert(ms >= 0, 'time goes forward')
    const end = this.#elapsed + ms
    for (;;) {
      let next: WaitingTimer | undefined
      for (const timer of this.#waiting) {
        if (timer.due <= end && (next === undefined || timer.due < next.due || (timer.due === next.due && timer.order < next.order)))
          next = timer
      }
      if (next === undefined) break
      this.#drop(next)
      this.#move(Math.max(next.due, this.#elapsed))
      next.run()
    }
    this.#move(end)
  }

  /** Sets the time of day, as an administrator or a time server may; the monotonic clock and the timers do not notice. */
  jump(nowMs: number): void {
    this.#now = nowMs
  }

  /** Forgets every timer: what a crash does. */
  clear(): void {
    this.#waiting = []
  }

  #move(elapsed: number): void {
    this.#now += elapsed - this.#elapsed
    this.#elapsed = elapsed
  }

  #drop(timer: WaitingTimer): void {
    const at = this.#waiting.indexOf(timer)
    if (at >= 0) this.#waiting.splice(at, 1)
  }
}
