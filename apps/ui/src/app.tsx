/**
 * The page: panels one below the other, the explorer beside them. It owns the state that the address shows; panels own their drafts.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { serverVersion } from './api.ts'
import { Explorer } from './explorer.tsx'
import { ListIcon, Logo, PlusIcon } from './icons.tsx'
import { Panel, type PanelHandle } from './panel.tsx'
import { Status } from './status.tsx'
import { TokenDialog } from './token-dialog.tsx'
import { MAX_PANELS, newPanel, readState, writeState, type PageState, type PanelState } from './state.ts'
import { printLength } from './time.ts'
import { printLabelName, printLabels } from './value.ts'

const REFRESH_SECONDS = [5, 15, 60, 300]

export function App() {
  const [state, setState] = useState<PageState>(readState)
  const [version, setVersion] = useState('')
  const tick = useTick(state.refresh)
  const handles = useRef(new Map<number, PanelHandle>())
  const active = useRef(state.panels[0]!.id)
  const latest = useRef(state)
  latest.current = state

  useEffect(() => {
    void serverVersion().then(setVersion)
    // Panels keep their places, so that going back does not make them anew.
    const back = (): void => setState(withIdsOf(readState(), latest.current))
    addEventListener('popstate', back)
    return () => removeEventListener('popstate', back)
  }, [])

  useEffect(() => {
    const [{ query }] = state.panels as [PanelState]
    document.title = query === '' ? 'tsink' : `${query} · tsink`
  }, [state.panels])

  const change = (part: Partial<PageState>, push = true): void => {
    const next = { ...latest.current, ...part }
    latest.current = next
    setState(next)
    writeState(next, push)
  }
  const changePanel = (id: number, part: Partial<PanelState>): void =>
    change({ panels: latest.current.panels.map((panel) => (panel.id === id ? { ...panel, ...part } : panel)) })
  const addPanel = (panel: PanelState, after = state.panels.length): void => {
    active.current = panel.id
    change({ panels: state.panels.toSpliced(after, 0, panel) })
  }
  const target = (): PanelHandle | undefined => handles.current.get(active.current) ?? handles.current.get(state.panels[0]!.id)

  /** Runs a query in the panel that was used last. */
  const ask = (query: string): void => {
    // Where the explorer lies over the query, it makes way for the answer.
    const explorer = matchMedia('(max-width: 1000px)').matches ? { explore: null, metric: null } : {}
    change({ view: 'queries', ...explorer }, latest.current.view !== 'queries')
    target()?.setText(query, true)
  }
  const narrow = async (metric: string, label: string, value: string): Promise<void> => {
    const { narrowQuery } = await import('./language.ts')
    const panel = target()
    const narrowed = await narrowQuery(panel?.text() ?? '', metric, label, value)
    ask(narrowed ?? selectorOf(metric, label, value))
  }
  const full = state.panels.length >= MAX_PANELS

  return (
    <>
      <a class="skip" href="#main" onClick={(event) => skipTo(event, 'main')}>
        Skip to the query
      </a>
      <TokenDialog />
      <header>
        <a class="brand" href="./" aria-label="tsink, start page">
          <Logo />
          tsink
        </a>
        {version !== '' && <span class="version">{version}</span>}
        <nav aria-label="Views">
          <button
            type="button"
            class="toggle"
            aria-pressed={state.explore !== null}
            onClick={() => change(state.explore === null ? { explore: '' } : { explore: null, metric: null }, false)}
          >
            <ListIcon /> Metrics
          </button>
          <button
            type="button"
            class="toggle"
            aria-pressed={state.view === 'status'}
            onClick={() => change({ view: state.view === 'status' ? 'queries' : 'status' })}
          >
            Status
          </button>
        </nav>
        <label class="refresh">
          <span>Refresh</span>
          <select value={state.refresh} onChange={(event) => change({ refresh: Number(event.currentTarget.value) }, false)}>
            <option value={0}>off</option>
            {[...new Set([...REFRESH_SECONDS, state.refresh])]
              .filter((seconds) => seconds > 0)
              .map((seconds) => (
                <option key={seconds} value={seconds}>
                  {printLength(seconds)}
                </option>
              ))}
          </select>
        </label>
      </header>
      <div class={state.explore === null ? 'body' : 'body exploring'}>
        {state.explore !== null && (
          <Explorer
            search={state.explore}
            metric={state.metric}
            onSearch={(explore) => change({ explore }, false)}
            onMetric={(metric) => change({ metric })}
            onQuery={ask}
            onNarrow={(metric, label, value) => void narrow(metric, label, value)}
            onClose={() => change({ explore: null, metric: null }, false)}
          />
        )}
        <main id="main" tabIndex={-1}>
          {state.view === 'status' && <Status tick={tick} onMetric={(metric) => change({ explore: state.explore ?? '', metric })} />}
          {/* Hidden and not gone, so that what was typed and drawn is there again. */}
          <div class="panels" hidden={state.view !== 'queries'}>
            {state.panels.map((panel, index) => (
              <Panel
                key={panel.id}
                state={panel}
                number={index + 1}
                tick={state.view === 'queries' ? tick : 0}
                alone={state.panels.length === 1}
                onChange={(part) => changePanel(panel.id, part)}
                onDuplicate={full ? null : () => addPanel(newPanel({ ...panel }), index + 1)}
                onRemove={() => change({ panels: state.panels.filter(({ id }) => id !== panel.id) })}
                onFocus={() => {
                  active.current = panel.id
                }}
                onHandle={(handle) => {
                  if (handle === null) handles.current.delete(panel.id)
                  else handles.current.set(panel.id, handle)
                }}
              />
            ))}
            {!full && (
              <button type="button" class="add" onClick={() => addPanel(newPanel({ ...state.panels.at(-1)!, query: '' }))}>
                <PlusIcon /> Add a query
              </button>
            )}
          </div>
        </main>
      </div>
    </>
  )
}

/** Counts up every so many seconds, as long as somebody can see it. */
function useTick(seconds: number): number {
  const [tick, setTick] = useState(0)
  useEffect(() => {
    if (seconds === 0) return
    const timer = setInterval(() => {
      if (!document.hidden) setTick((count) => count + 1)
    }, seconds * 1_000)
    return () => clearInterval(timer)
  }, [seconds])
  return tick
}

function withIdsOf(next: PageState, before: PageState): PageState {
  return { ...next, panels: next.panels.map((panel, index) => ({ ...panel, id: before.panels[index]?.id ?? panel.id })) }
}

function selectorOf(metric: string, label: string, value: string): string {
  const matcher = `${printLabelName(label)}=${JSON.stringify(value)}`
  const name = printLabels({ __name__: metric })
  return name.startsWith('{') ? `${name.slice(0, -1)}, ${matcher}}` : `${name}{${matcher}}`
}

/** The address belongs to the state, so a link within the page must not change it. */
function skipTo(event: Event, id: string): void {
  event.preventDefault()
  const editor = document.querySelector<HTMLElement>(`#${id} .cm-content, #${id} textarea`)
  ;(editor ?? document.getElementById(id))?.focus()
}
