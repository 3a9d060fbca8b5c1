/**
 * The page: a query, a stretch of time, and what the server says about them.
 */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, buildInfo, queryInstant, queryRange, type Answer } from './api.ts'
import { Editor } from './editor.tsx'
import { Graph } from './graph.tsx'
import { RangePicker } from './range-picker.tsx'
import { queryHistory, readState, rememberQuery, writeState, type Tab, type ViewState } from './state.ts'
import { Table } from './table.tsx'
import { printLength, stepFor } from './time.ts'

/** An answer with the stretch of time that it covers. */
interface Outcome {
  readonly answer: Answer
  readonly tab: Tab
  readonly query: string
  readonly start: number
  readonly end: number
  readonly step: number
}

const POINTS = 480
const REFRESH_SECONDS = [5, 15, 60]
const EXAMPLES = ['up', 'rate(node_cpu_seconds_total[1m])', 'topk(5, count by (__name__) ({__name__=~".+"}))']

export function App() {
  const [state, setState] = useState<ViewState>(readState)
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  const [busy, setBusy] = useState(false)
  const [refresh, setRefresh] = useState(0)
  const [version, setVersion] = useState<string | null>(null)
  const running = useRef<AbortController | null>(null)
  const draft = useRef(state.query)
  const step = state.step ?? stepFor(state.range, POINTS)

  const run = useCallback((view: ViewState): void => {
    const query = view.query.trim()
    running.current?.abort()
    if (query === '') {
      setOutcome(null)
      setError(null)
      return
    }
    const control = new AbortController()
    running.current = control
    setBusy(true)
    const step = view.step ?? stepFor(view.range, POINTS)
    // Steps lie on multiples of themselves, so that a refresh moves the window and not the points.
    const end = Math.floor((view.end ?? Date.now() / 1000) / step) * step
    const start = end - Math.floor(view.range / step) * step
    const asked =
      view.tab === 'graph'
        ? queryRange(query, start, end, step, control.signal)
        : queryInstant(query, view.end ?? Date.now() / 1000, control.signal)
    asked.then(
      (answer) => {
        setOutcome({ answer, tab: view.tab, query, start, end, step })
        setError(null)
        setBusy(false)
        rememberQuery(query)
      },
      (cause: unknown) => {
        if (control.signal.aborted) return
        setError(cause instanceof ApiError ? cause : new ApiError('error', String(cause), 0))
        setBusy(false)
      },
    )
  }, [])

  const change = (part: Partial<ViewState>): void => {
    const next = { ...state, query: draft.current, ...part }
    setState(next)
    writeState(next, true)
    run(next)
  }

  useEffect(() => {
    run(state)
    void buildInfo().then((info) => setVersion(info?.version ?? null))
    const back = (): void => {
      const next = readState()
      draft.current = next.query
      setState(next)
      run(next)
    }
    addEventListener('popstate', back)
    return () => removeEventListener('popstate', back)
  }, [])

  useEffect(() => {
    if (refresh === 0) return
    const timer = setInterval(() => run(state), refresh * 1000)
    return () => clearInterval(timer)
  }, [refresh, state])

  return (
    <>
      <header>
        <a class="brand" href="./" aria-label="tsink">
          <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
            <path
              d="M3 21l6-9 4 6 6-12 5 11 5-5"
              fill="none"
              stroke="currentColor"
              stroke-width="3"
              stroke-linecap="round"
              stroke-linejoin="round"
            />
          </svg>
          tsink
        </a>
        {version !== null && <span class="version">{version}</span>}
        <nav>
          <a href="./metrics">metrics</a>
          <a href="./api/v1/status/tsdb">status</a>
        </nav>
      </header>
      <main>
        <section class="query">
          <Editor
            value={state.query}
            onChange={(query) => {
              draft.current = query
            }}
            onRun={() => change({})}
          />
          <button type="button" class="run" onClick={() => change({})}>
            {busy ? <span class="spinner" aria-label="running" /> : 'Run'}
          </button>
        </section>
        <section class="controls">
          <div class="tabs" role="tablist">
            {(['graph', 'table'] as const).map((tab) => (
              <button key={tab} type="button" role="tab" aria-selected={state.tab === tab} onClick={() => change({ tab })}>
                {tab === 'graph' ? 'Graph' : 'Table'}
              </button>
            ))}
          </div>
          <RangePicker state={state} chosenStep={step} onChange={change} />
          <label class="refresh">
            refresh
            <select value={refresh} onChange={(event) => setRefresh(Number(event.currentTarget.value))}>
              <option value={0}>off</option>
              {REFRESH_SECONDS.map((seconds) => (
                <option key={seconds} value={seconds}>
                  {printLength(seconds)}
                </option>
              ))}
            </select>
          </label>
        </section>
        {error !== null && (
          <section class="error" role="alert">
            <b>{error.type}</b>
            <pre>{error.message}</pre>
          </section>
        )}
        {error === null && outcome !== null && (
          <Result
            outcome={outcome}
            onZoom={(start, end) => change({ end: Math.round(end), range: Math.max(Math.round(end - start), 10), step: null })}
          />
        )}
        {error === null && outcome === null && !busy && (
          <Welcome
            onPick={(query) => {
              draft.current = query
              change({ query })
            }}
          />
        )}
      </main>
    </>
  )
}

function Result({ outcome, onZoom }: { readonly outcome: Outcome; readonly onZoom: (start: number, end: number) => void }) {
  const { answer, tab, start, end, step } = outcome
  const { data } = answer
  const series = data.resultType === 'matrix' || data.resultType === 'vector' ? data.result.length : 1
  return (
    <section class="result">
      {[...answer.warnings, ...answer.infos].map((text) => (
        <p key={text} class={answer.warnings.includes(text) ? 'warning' : 'info'}>
          {text}
        </p>
      ))}
      {tab === 'graph' && data.resultType === 'matrix' && data.result.length > 0 ? (
        <Graph series={data.result} start={start} end={end} step={step} onZoom={onZoom} />
      ) : (
        <Table data={data} />
      )}
      <footer>
        {series} series · {Math.round(answer.tookMs)} ms · {(answer.bytes / 1024).toFixed(1)} KiB
        {tab === 'graph' && ` · one point every ${printLength(step)}`}
      </footer>
    </section>
  )
}

function Welcome({ onPick }: { readonly onPick: (query: string) => void }) {
  const past = queryHistory()
  return (
    <section class="welcome">
      <h2>{past.length > 0 ? 'Queries you ran before' : 'Ask for something'}</h2>
      <ul>
        {(past.length > 0 ? past.slice(0, 8) : EXAMPLES).map((query) => (
          <li key={query}>
            <button type="button" onClick={() => onPick(query)}>
              <code>{query}</code>
            </button>
          </li>
        ))}
      </ul>
      <p>
        No data yet? Point a Prometheus at this server with <code>remote_write</code> to <code>{location.origin}/api/v1/write</code>, or
        send text:
      </p>
      <pre>{`curl --data-binary 'demo_temperature_celsius{room="kitchen"} 21.5' ${location.origin}/api/v1/import/prometheus`}</pre>
    </section>
  )
}
