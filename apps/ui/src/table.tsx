/**
 * The table: an instant query's result, a row each, in the server's order or sorted by a click.
 */
import { useMemo, useState } from 'preact/hooks'
import type { HistogramValue, LabelSet, QueryData } from './api.ts'
import { printTime } from './time.ts'
import { printLabels } from './value.ts'

/** Rows beyond these are counted, not drawn, so that a careless query cannot freeze the page. */
const MAX_ROWS = 2_000

interface Row {
  readonly labels: LabelSet
  readonly text: string
  readonly value: string
  readonly time: number
  readonly histogram: HistogramValue | null
}

export function Table({ data }: { readonly data: QueryData }) {
  const [order, setOrder] = useState<'given' | 'series' | 'up' | 'down'>('given')
  const rows = useMemo(() => toRows(data), [data])
  const sorted = useMemo(() => {
    if (order === 'given') return rows
    if (order === 'series') return [...rows].sort((a, b) => (a.text < b.text ? -1 : 1))
    const sign = order === 'up' ? 1 : -1
    return [...rows].sort((a, b) => sign * (Number(a.value) - Number(b.value)))
  }, [rows, order])

  if (rows.length === 0) return <p class="empty">Nothing matches this query at this time.</p>
  return (
    <div class="table">
      <table>
        <thead>
          <tr>
            <th>
              <button type="button" onClick={() => setOrder(order === 'series' ? 'given' : 'series')}>
                Series {order === 'series' && '↓'}
              </button>
            </th>
            <th class="number">
              <button type="button" onClick={() => setOrder(order === 'down' ? 'up' : 'down')}>
                Value {order === 'down' ? '↓' : order === 'up' ? '↑' : ''}
              </button>
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, MAX_ROWS).map((row) => (
            <tr key={`${row.text} ${row.time}`}>
              <td>
                <LabelText labels={row.labels} />
              </td>
              <td class="number" title={printTime(row.time)}>
                {row.histogram === null ? row.value : <HistogramText histogram={row.histogram} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MAX_ROWS && (
        <p class="note">
          {MAX_ROWS} of {rows.length} rows are shown. Narrow the query to see the rest.
        </p>
      )}
    </div>
  )
}

function LabelText({ labels }: { readonly labels: LabelSet }) {
  const { __name__: name, ...rest } = labels
  const pairs = Object.entries(rest)
  if (name === undefined && pairs.length === 0) return <code>{'{}'}</code>
  return (
    <code>
      <b>{name}</b>
      {pairs.length > 0 && '{'}
      {pairs.map(([key, value], index) => (
        <span key={key}>
          {index > 0 && ', '}
          <span class="label-name">{key}</span>=<span class="label-value">{JSON.stringify(value)}</span>
        </span>
      ))}
      {pairs.length > 0 && '}'}
    </code>
  )
}

/** Count and sum, with bars for the buckets. */
function HistogramText({ histogram }: { readonly histogram: HistogramValue }) {
  const buckets = histogram.buckets ?? []
  const most = Math.max(...buckets.map(([, , , count]) => Number(count)), 0)
  return (
    <span class="histogram">
      <span class="bars" aria-hidden>
        {buckets.map(([, lower, upper, count]) => (
          <i key={lower} title={`${lower} to ${upper}: ${count}`} style={{ height: `${most > 0 ? (100 * Number(count)) / most : 0}%` }} />
        ))}
      </span>
      count {histogram.count}, sum {histogram.sum}
    </span>
  )
}

function toRows(data: QueryData): Row[] {
  const row = (labels: LabelSet, time: number, value: string | HistogramValue): Row => ({
    labels,
    text: printLabels(labels),
    time,
    value: typeof value === 'string' ? value : value.count,
    histogram: typeof value === 'string' ? null : value,
  })
  switch (data.resultType) {
    case 'scalar':
    case 'string':
      return [row({}, data.result[0], data.result[1])]
    case 'vector':
      return data.result.map((sample) => {
        const [time, value] = sample.histogram ?? sample.value!
        return row(sample.metric, time, value)
      })
    case 'matrix':
      return data.result.flatMap((series) =>
        [...(series.values ?? []), ...(series.histograms ?? [])].map(([time, value]) => row(series.metric, time, value)),
      )
  }
}
