/**
 * What the page shows, kept in the address so that every view is a link. Each `q` begins a panel: `#q=up&tab=table&q=rate(x[5m])&range=3600`.
 */

export type Tab = 'graph' | 'table' | 'explain'

/** One query and how it is looked at. */
export interface PanelState {
  /** Tells panels apart while the page lives; not in the address. */
  readonly id: number
  readonly query: string
  readonly tab: Tab
  /** Seconds shown, ending at `end`. */
  readonly range: number
  /** Unix seconds, or null for now. */
  readonly end: number | null
  /** Seconds between points, or null to choose. */
  readonly step: number | null
  readonly stacked: boolean
}

export interface PageState {
  /** What the page shows: its queries, or how the server stands. */
  readonly view: 'queries' | 'status'
  readonly panels: readonly PanelState[]
  /** What the explorer looks for; null while it is closed. */
  readonly explore: string | null
  /** The metric that the explorer shows. */
  readonly metric: string | null
  /** Seconds between refreshes; 0 for none. */
  readonly refresh: number
}

/** More panels would be an address that no mail program carries. */
export const MAX_PANELS = 20

const NEW_PANEL: Omit<PanelState, 'id'> = { query: '', tab: 'graph', range: 3_600, end: null, step: null, stacked: false }

let panels = 0

export function newPanel(part: Partial<PanelState> = {}): PanelState {
  return { ...NEW_PANEL, ...part, id: ++panels }
}

export function readState(): PageState {
  const groups: Map<string, string>[] = []
  const page = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    if (PAGE_PARAMETERS.has(name)) page.set(name, value)
    else if (name === 'q' || groups.length === 0) groups.push(new Map([[name, value]]))
    else groups.at(-1)!.set(name, value)
  }
  const read = groups.slice(0, MAX_PANELS).map(readPanel)
  return {
    view: page.get('view') === 'status' ? 'status' : 'queries',
    panels: read.length > 0 ? read : [newPanel()],
    explore: page.get('explore') ?? null,
    metric: page.get('metric') ?? null,
    refresh: positive(page.get('refresh')) ?? 0,
  }
}

const PAGE_PARAMETERS: ReadonlySet<string> = new Set(['view', 'explore', 'metric', 'refresh'])

function readPanel(parameters: ReadonlyMap<string, string>): PanelState {
  const tab = parameters.get('tab')
  return newPanel({
    query: parameters.get('q') ?? '',
    tab: tab === 'table' || tab === 'explain' ? tab : 'graph',
    range: positive(parameters.get('range')) ?? NEW_PANEL.range,
    end: positive(parameters.get('end')),
    step: positive(parameters.get('step')),
    stacked: parameters.get('stacked') === '1',
  })
}

function positive(text: string | undefined): number | null {
  const value = Number(text)
  return value > 0 && Number.isFinite(value) ? value : null
}

/** Puts a state into the address. `push`: as a step that the back button undoes. */
export function writeState(state: PageState, push: boolean): void {
  const address = `#${printState(state)}`
  if (address === location.hash) return
  history[push ? 'pushState' : 'replaceState'](null, '', address)
}

function printState({ view, panels, explore, metric, refresh }: PageState): string {
  const parameters = new URLSearchParams()
  if (view === 'status') parameters.append('view', view)
  for (const panel of panels) {
    parameters.append('q', panel.query)
    parameters.append('tab', panel.tab)
    parameters.append('range', String(panel.range))
    if (panel.end !== null) parameters.append('end', String(panel.end))
    if (panel.step !== null) parameters.append('step', String(panel.step))
    if (panel.stacked) parameters.append('stacked', '1')
  }
  if (explore !== null) parameters.append('explore', explore)
  if (metric !== null) parameters.append('metric', metric)
  if (refresh > 0) parameters.append('refresh', String(refresh))
  return parameters.toString()
}
