/**
 * What the page shows, kept in the address so that every view is a link.
 */

export type Tab = 'graph' | 'table'

export interface ViewState {
  readonly query: string
  readonly tab: Tab
  /** Seconds shown, ending at `end`. */
  readonly range: number
  /** Unix seconds, or null for now. */
  readonly end: number | null
  /** Seconds between points, or null to choose. */
  readonly step: number | null
}

const INITIAL: ViewState = { query: '', tab: 'graph', range: 3_600, end: null, step: null }

export function readState(): ViewState {
  const parameters = new URLSearchParams(location.hash.slice(1))
  const positive = (name: string): number | null => {
    const value = Number(parameters.get(name))
    return value > 0 ? value : null
  }
  return {
    query: parameters.get('q') ?? INITIAL.query,
    tab: parameters.get('tab') === 'table' ? 'table' : 'graph',
    range: positive('range') ?? INITIAL.range,
    end: positive('end'),
    step: positive('step'),
  }
}

export function writeState(state: ViewState, push: boolean): void {
  const parameters = new URLSearchParams({ q: state.query, tab: state.tab, range: String(state.range) })
  if (state.end !== null) parameters.set('end', String(state.end))
  if (state.step !== null) parameters.set('step', String(state.step))
  const address = `#${parameters.toString()}`
  if (address === location.hash) return
  history[push ? 'pushState' : 'replaceState'](null, '', address)
}

const HISTORY = 'tsink.history'

/** The last queries, newest first. A browser that refuses storage simply has none. */
export function queryHistory(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(HISTORY) ?? '[]')
    return Array.isArray(stored) ? stored.filter((query) => typeof query === 'string') : []
  } catch {
    return []
  }
}

export function rememberQuery(query: string): void {
  try {
    const rest = queryHistory().filter((known) => known !== query)
    localStorage.setItem(HISTORY, JSON.stringify([query, ...rest].slice(0, 50)))
  } catch {
    // Private windows refuse storage; the query itself matters more.
  }
}
