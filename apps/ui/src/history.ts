/**
 * The queries that were run in this browser, newest first. A browser that refuses storage simply has none.
 */

const KEY = 'tsink.history'
const MAX_QUERIES = 100
/** Longer ones are not worth the storage that the browser gives. */
const MAX_LENGTH = 10_000

export function queryHistory(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]')
    return Array.isArray(stored) ? stored.filter((query) => typeof query === 'string').slice(0, MAX_QUERIES) : []
  } catch {
    return []
  }
}

export function rememberQuery(query: string): void {
  if (query.length > MAX_LENGTH) return
  store([query, ...queryHistory().filter((known) => known !== query)].slice(0, MAX_QUERIES))
}

export function clearHistory(): void {
  store([])
}

function store(queries: readonly string[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(queries))
  } catch {
    // Private windows refuse storage; the query itself matters more.
  }
}
