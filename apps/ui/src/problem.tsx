/** A refused query: what the server said, and where in the text it points. */
import type { ApiError } from './api.ts'
import { locate, type Located } from './locate.ts'

export interface ProblemProps {
  readonly query: string
  readonly cause: ApiError
  /** Shows the query as a table, where that may help; null where it is one. */
  readonly onTable: (() => void) | null
}

const NAMES: Readonly<Record<string, string>> = {
  bad_data: 'The query cannot be read',
  execution: 'The query cannot be evaluated',
  timeout: 'The query took too long',
  canceled: 'The query was cancelled',
  unavailable: 'The server is not ready',
  unauthorized: 'Not without a token',
  unreachable: 'No connection',
  too_many_requests: 'The server is busy',
}

export function Problem({ query, cause, onTable }: ProblemProps) {
  const { text, place } = locate(cause.message, query)
  const isOfWrongType = /for range query/.test(cause.message)
  return (
    <div class="error" role="alert">
      <b>{isOfWrongType ? 'This cannot be drawn over time' : (NAMES[cause.type] ?? cause.type)}</b>
      {place !== null && <Excerpt query={query} place={place} />}
      <p class="message">{text}</p>
      {isOfWrongType && onTable !== null && (
        <button type="button" class="link" onClick={onTable}>
          Show it as a table
        </button>
      )}
    </div>
  )
}

/** A query with the place that is meant underlined. */
export function Excerpt({ query, place }: { readonly query: string; readonly place: Located }) {
  const { from, to } = place
  return (
    <pre class="excerpt">
      {query.slice(0, from)}
      <mark>{from < query.length ? query.slice(from, to) : ' '}</mark>
      {query.slice(to)}
    </pre>
  )
}
