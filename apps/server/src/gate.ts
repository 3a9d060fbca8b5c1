/**
 * Gate: admission of work by weight. So much may be inside at once; the rest waits in the order of its coming, for a limited time. Whoever
 * does not get in within that time is refused, which tells clients to slow down before memory does.
 */
import { TsinkError } from '@tsink/core'

/** Leaves the gate; calling it twice is fine. */
export type Release = () => void

export interface GateOptions {
  /** What may be inside at once, in the caller's unit. */
  readonly capacity: number
  /** How many may wait; further ones are refused at once. */
  readonly maxWaiting: number
  /** What the refusal says, for instance `too many writes in flight`. */
  readonly message: string
  /** What a wait that took too long ends with. */
  readonly timeoutCode: 'OVERLOADED' | 'DEADLINE'
  readonly timeoutMessage: string
}

export class Gate {
  readonly capacity: number
  inside = 0
  refused = 0
  readonly #options: GateOptions
  #waiting: Waiter[] = []

  constructor(options: GateOptions) {
    this.capacity = options.capacity
    this.#options = options
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Enters at once, or returns null when one has to wait. Something heavier than the capacity enters alone: what is too large for ever is
   * for other limits to refuse.
   */
  tryEnter(weight: number): Release | null {
    if (this.#waiting.length > 0 || (this.inside > 0 && this.inside + weight > this.capacity)) return null
    return this.#enter(weight)
  }

  /**
   * Enters, waiting for at most `timeoutMs`.
   * @throws TsinkError OVERLOADED or DEADLINE, CANCELED when the signal aborts the wait.
   */
  enter(weight: number, timeoutMs: number, signal?: AbortSignal): Promise<Release> {
    const release = this.tryEnter(weight)
    if (release !== null) return Promise.resolve(release)
    if (this.#waiting.length >= this.#options.maxWaiting) {
      this.refused++
      return Promise.reject(new TsinkError('OVERLOADED', this.#options.message, { detail: { limit: this.capacity } }))
    }
    return new Promise<Release>((resolve, reject) => {
      const leave = (error: TsinkError): void => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter)
        waiter.done()
        this.refused++
        reject(error)
        this.#admit()
      }
      const onAbort = (): void => leave(new TsinkError('CANCELED', 'the client went away while its request waited'))
      const timer = setTimeout(() => leave(new TsinkError(this.#options.timeoutCode, this.#options.timeoutMessage)), timeoutMs)
      const waiter: Waiter = {
        weight,
        admit: () => {
          waiter.done()
          resolve(this.#enter(weight))
        },
        done: () => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', onAbort)
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(waiter)
    })
  }

  #enter(weight: number): Release {
    this.inside += weight
    let left = false
    return () => {
      if (left) return
      left = true
      this.inside -= weight
      this.#admit()
    }
  }

  #admit(): void {
    for (;;) {
      const next = this.#waiting[0]
      if (next === undefined || (this.inside > 0 && this.inside + next.weight > this.capacity)) return
      this.#waiting.shift()
      next.admit()
    }
  }
}

interface Waiter {
  readonly weight: number
  readonly admit: () => void
  readonly done: () => void
}

/** The same items; leaves the gate behind the last one, or when nobody wants more. */
export async function* released<T>(items: AsyncIterable<T>, release: Release): AsyncGenerator<T, void, undefined> {
  try {
    yield* items
  } finally {
    release()
  }
}
