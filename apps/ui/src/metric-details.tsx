/** One metric: what is known of it, queries to begin with, and its labels with their most frequent values, each a click away from the query. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { useAnswer } from './answer.ts'
import type { Cardinality, MetricEntry } from './api.ts'
import type { ExplorerProps } from './explorer.tsx'
import { BackIcon } from './icons.tsx'
import { printCount, printLabels, printLarge } from './value.ts'

const FEW_VALUES = 8
const MANY_VALUES = 200

export interface MetricDetailsProps extends ExplorerProps {
  readonly metric: string
}

export function MetricDetails({ metric, onMetric, onQuery, onNarrow }: MetricDetailsProps) {
  const entry = useAnswer<{ metrics: readonly MetricEntry[] }>('metrics', { search: metric, limit: '1' })
  const made = useAnswer<Cardinality>('cardinality', { 'match[]': `{__name__=${JSON.stringify(metric)}}`, limit: String(MANY_VALUES) })
  const back = useRef<HTMLButtonElement>(null)
  useLayoutEffect(() => {
    // The entry of the list that was chosen is gone, and the focus with it.
    if (document.activeElement === document.body) back.current?.focus({ preventScroll: true })
  }, [])
  const about = typeof entry === 'object' ? entry?.metrics.find(({ name }) => name === metric) : undefined
  return (
    <div class="metric">
      <button ref={back} type="button" class="link back" onClick={() => onMetric(null)}>
        <BackIcon /> All metrics
      </button>
      <h2>{metric}</h2>
      <p class="about">
        {about !== undefined && about.type !== 'unknown' && <b class={`type ${about.type}`}>{about.type}</b>}
        {about !== undefined && about.unit !== '' && <i>{about.unit}</i>}
        {typeof made === 'object' && made !== null && (
          <span>{made.exact ? printCount(made.series, 'series', 'series') : `${printLarge(made.series)} series and more`}</span>
        )}
      </p>
      {about !== undefined && about.help !== '' && <p>{about.help}</p>}
      <ul class="suggestions" aria-label="Queries for this metric">
        {suggestionsFor(metric, about?.type ?? 'unknown').map((query) => (
          <li key={query}>
            <button type="button" onClick={() => onQuery(query)} title="Run this query">
              <code>{query}</code>
            </button>
          </li>
        ))}
      </ul>
      {typeof made === 'string' && <p class="empty">{made}</p>}
      {made === null && <p class="empty">Counting…</p>}
      {typeof made === 'object' &&
        made?.labels
          .filter(({ name }) => name !== '__name__')
          .map((label) => (
            <Label key={label.name} label={label} series={made.series} onValue={(value) => onNarrow(metric, label.name, value)} />
          ))}
    </div>
  )
}

interface LabelProps {
  readonly label: Cardinality['labels'][number]
  readonly series: number
  readonly onValue: (value: string) => void
}

function Label({ label, series, onValue }: LabelProps) {
  const [all, setAll] = useState(false)
  const shown = all ? label.top : label.top.slice(0, FEW_VALUES)
  return (
    <section class="label" aria-label={`Label ${label.name}`}>
      <h3>
        {label.name} <span>{printCount(label.values, 'value', 'values')}</span>
      </h3>
      <ul>
        {shown.map(({ value, series: count }) => (
          <li key={value}>
            <button type="button" title={`Narrow the query to ${label.name}=${JSON.stringify(value)}`} onClick={() => onValue(value)}>
              <i style={{ width: `${(100 * count) / series}%` }} aria-hidden="true" />
              <code>{value}</code>
              <span>{printLarge(count)}</span>
            </button>
          </li>
        ))}
      </ul>
      {!all && label.top.length > FEW_VALUES && (
        <button type="button" class="link" onClick={() => setAll(true)}>
          {label.values > label.top.length ? `The ${label.top.length} most frequent` : `All ${label.values}`}
        </button>
      )}
    </section>
  )
}

/** What people ask first of a metric of this type. */
function suggestionsFor(metric: string, type: string): readonly string[] {
  const selector = printLabels({ __name__: metric })
  const isBucket = metric.endsWith('_bucket')
  const isCounter = type === 'counter' || /_(?:total|sum|count)$/.test(metric)
  if (type === 'histogram' && (isBucket || !isCounter)) {
    const rate = `rate(${selector}[5m])`
    return isBucket ? [`histogram_quantile(0.9, sum by (le) (${rate}))`, selector] : [`histogram_quantile(0.9, ${rate})`, rate, selector]
  }
  if (isBucket) return [`histogram_quantile(0.9, sum by (le) (rate(${selector}[5m])))`, selector]
  if (isCounter) return [`rate(${selector}[5m])`, `sum(increase(${selector}[1h]))`, selector]
  return [selector, `max_over_time(${selector}[1h])`]
}
