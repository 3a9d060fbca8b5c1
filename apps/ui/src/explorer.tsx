/**
 * The explorer: which metrics there are. The server searches and the list stays short, so that a hundred thousand names are as quick as ten;
 * choosing one shows what its series are made of.
 */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { ApiError, get, type MetricEntry } from './api.ts'
import { moveByArrows } from './arrows.ts'
import { CloseIcon } from './icons.tsx'
import { MetricDetails } from './metric-details.tsx'
import { printCount, printLarge } from './value.ts'

export interface ExplorerProps {
  readonly search: string
  readonly metric: string | null
  readonly onSearch: (search: string) => void
  readonly onMetric: (metric: string | null) => void
  /** Runs a query in the panel that was used last. */
  readonly onQuery: (query: string) => void
  /** Narrows that panel's query to one value of a label. */
  readonly onNarrow: (metric: string, label: string, value: string) => void
  readonly onClose: () => void
}

/** The pause in typing after which the server is asked. */
const SEARCH_AFTER_MS = 150
const PAGE = 100
/** More names than this nobody scrolls through: a word more finds it sooner. */
const MAX_SHOWN = 1_000

export function Explorer(props: ExplorerProps) {
  const { search, metric, onSearch, onMetric, onClose } = props
  const field = useRef<HTMLInputElement>(null)
  const aside = useRef<HTMLElement>(null)
  useLayoutEffect(() => {
    // Before anything more can be typed; but a page that opens with the explorer leaves the focus in its query.
    if (document.activeElement?.closest('.editor') == null) field.current?.focus({ preventScroll: true })
  }, [])
  const act = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') onClose()
    else moveByArrows(event, aside.current, 'input, .metrics button')
  }
  return (
    <aside class="explorer" ref={aside} aria-label="Metrics explorer" onKeyDown={act}>
      <div class="explorer-head">
        <input
          ref={field}
          type="search"
          placeholder="Search metrics"
          aria-label="Search metrics"
          value={search}
          onInput={(event) => {
            onSearch(event.currentTarget.value)
            if (metric !== null) onMetric(null)
          }}
        />
        <button type="button" class="icon" aria-label="Close the explorer" title="Close (Esc)" onClick={onClose}>
          <CloseIcon />
        </button>
      </div>
      {metric === null ? <MetricList search={search} onMetric={onMetric} /> : <MetricDetails {...props} metric={metric} />}
    </aside>
  )
}

interface Found {
  readonly metrics: readonly MetricEntry[]
  readonly total: number
}

function MetricList({ search, onMetric }: { readonly search: string; readonly onMetric: (metric: string) => void }) {
  const [limit, setLimit] = useState(PAGE)
  const [found, setFound] = useState<Found | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const first = useRef(true)
  useEffect(() => setLimit(PAGE), [search])

  useEffect(() => {
    const asking = new AbortController()
    const ask = async (): Promise<void> => {
      try {
        const { data } = await get<Found>('metrics', { search, limit: String(limit), count: 'true' }, asking.signal)
        setFound(data)
        setProblem(null)
      } catch (error) {
        if (!asking.signal.aborted) setProblem(error instanceof ApiError ? error.message : String(error))
      }
    }
    const timer = setTimeout(() => void ask(), first.current ? 0 : SEARCH_AFTER_MS)
    first.current = false
    return () => {
      clearTimeout(timer)
      asking.abort()
    }
  }, [search, limit])

  if (problem !== null) return <p class="empty">{problem}</p>
  if (found === null) return <p class="empty">Looking…</p>
  const { metrics, total } = found
  return (
    <>
      <p class="count" role="status">
        {total === 0
          ? search === ''
            ? 'There are no metrics yet.'
            : 'No metric has all these words in its name.'
          : printCount(total, 'metric', 'metrics')}
      </p>
      <ul class="metrics">
        {metrics.map((entry) => (
          <li key={entry.name}>
            <button type="button" title={entry.help} onClick={() => onMetric(entry.name)}>
              <span class="name">{entry.name}</span>
              <span class="series" title={`${printSeries(entry)} series`}>
                {printSeries(entry)}
              </span>
              <span class="about">
                {entry.type !== 'unknown' && <b class={`type ${entry.type}`}>{entry.type}</b>}
                {entry.unit !== '' && <i>{entry.unit}</i>} {entry.help}
              </span>
            </button>
          </li>
        ))}
      </ul>
      {metrics.length < total && (
        <p class="note">
          {printLarge(metrics.length)} of {printLarge(total)} are shown.{' '}
          {limit < MAX_SHOWN ? (
            <button type="button" class="link" onClick={() => setLimit(Math.min(limit + 2 * PAGE, MAX_SHOWN))}>
              Show more
            </button>
          ) : (
            'Another word finds the rest.'
          )}
        </p>
      )}
    </>
  )
}

function printSeries({ series = 0, exact }: MetricEntry): string {
  return exact === false ? `${printLarge(series)}+` : printLarge(series)
}
