/**
 * Active queries: what is being evaluated right now, so that an operator can see it and end it.
 */
import { TsinkError } from '@tsink/core'

export interface ActiveQuery {
  readonly id: number
  readonly query: string
  readonly kind: 'instant' | 'range'
  readonly client: string
  readonly startedAt: number
}

export class ActiveQueries {
  #nextId = 1
  readonly #running = new Map<number, { readonly query: ActiveQuery; readonly controller: AbortController }>()

  /** Enters a query. The signal aborts when the client leaves (its own signal) or someone ends the query here. */
  begin(query: Omit<ActiveQuery, 'id' | 'startedAt'>, client: AbortSignal): { readonly signal: AbortSignal; readonly end: () => void } {
    const id = this.#nextId++
    const controller = new AbortController()
    this.#running.set(id, { query: { ...query, id, startedAt: Date.now() }, controller })
    return { signal: AbortSignal.any([client, controller.signal]), end: () => this.#running.delete(id) }
  }

  list(): readonly ActiveQuery[] {
    return [...this.#running.values()].map(({ query }) => query)
  }

  /** Ends a query within a time slice of it; false when none has this number. */
  cancel(id: number): boolean {
    const running = this.#running.get(id)
    running?.controller.abort(new TsinkError('CANCELED', 'the query was ended by an operator'))
    return running !== undefined
  }
}
