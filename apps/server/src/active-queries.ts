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

  /** Enters a query. Aborting the controller ends it: the client's leaving does, or someone here. The answer leaves again. */
  begin(query: Omit<ActiveQuery, 'id' | 'startedAt'>, controller: AbortController): () => void {
    const id = this.#nextId++
    const { query: text, kind, client } = query
    this.#running.set(id, { query: { id, query: text, kind, client, startedAt: Date.now() }, controller })
    return () => this.#running.delete(id)
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
