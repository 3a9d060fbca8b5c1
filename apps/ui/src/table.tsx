/**
 * The table: an instant query's result, a row each, in the server's order or sorted by a click. Ranges show all their samples in one row.
 */
import { useMemo, useState } from 'preact/hooks'
import type { HistogramValue, LabelSet, QueryData } from './api.ts'
import { printTime } from './time.ts'
import { isLegacyName, printLabelName, printLabels, printLarge } from './value.ts'

/** Rows beyond these are counted, not drawn, so that a careless query cannot freeze the page. */
const MAX_ROWS = 1_000
/** So many samples of a range are shown in its row, the newest. */
const MAX_SAMPLES = 200

type Sample = readonly [time: number, value: string | HistogramValue]

interface Row {
  readonly labels: LabelSet
  readonly text: string
  readonly samples: readonly Sample[]
}

type Order = 'given' | 'series' | 'up' | 'down'

export function Table({ data }: { readonly data: QueryData }) {
  const [order, setOrder] = useState<Order>('given')
  const [all, setAll] = useState(false)
  const rows = useMemo(() => toRows(data), [data])
  const sorted = useMemo(() => sort(rows, order), [rows, order])
  if (data.resultType === 'string') {
    return (
      <div class="single">
        <span>string</span> <code>{JSON.stringify(data.result[1])}</code>
      </div>
    )
  }
  if (rows.length === 0)
    return (
      <p class="empty">
        {data.resultType === 'matrix' ? 'Nothing matches this query in this stretch of time.' : 'Nothing matches this query at this time.'}
      </p>
    )
  const shown = all ? sorted : sorted.slice(0, MAX_ROWS)
  const direction = (wanted: Order): 'ascending' | 'descending' | 'none' =>
    order !== wanted ? 'none' : wanted === 'up' ? 'ascending' : 'descending'
  return (
    <div class="table">
      <table>
        <thead>
          <tr>
            <th scope="col" aria-sort={order === 'series' ? 'ascending' : 'none'}>
              <button type="button" onClick={() => setOrder(order === 'series' ? 'given' : 'series')}>
                Series {order === 'series' && '↓'}
              </button>
            </th>
            <th scope="col" class="number" aria-sort={direction(order === 'up' ? 'up' : 'down')}>
              <button type="button" onClick={() => setOrder(order === 'down' ? 'up' : 'down')}>
                Value {order === 'down' ? '↓' : order === 'up' ? '↑' : ''}
              </button>
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row, index) => (
            <tr key={index}>
              <td>
                <LabelText labels={row.labels} />
              </td>
              <td class="number">
                <Samples samples={row.samples} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length > shown.length && (
        <p class="note">
          {printLarge(shown.length)} of {printLarge(sorted.length)} rows are shown.{' '}
          <button type="button" class="link" onClick={() => setAll(true)}>
            Show all
          </button>
        </p>
      )}
    </div>
  )
}

function Samples({ samples }: { readonly samples: readonly Sample[] }) {
  if (samples.length === 1) return <SampleText sample={samples[0]!} />
  const shown = samples.slice(-MAX_SAMPLES)
  return (
    <div class="samples" tabIndex={0} role="group" aria-label={`${samples.length} samples`}>
      {samples.length > shown.length && (
        <em>
          the newest {MAX_SAMPLES} of {printLarge(samples.length)}
        </em>
      )}
      {shown.map((sample) => (
        <div key={sample[0]}>
          <SampleText sample={sample} /> <time>{printTime(sample[0])}</time>
        </div>
      ))}
    </div>
  )
}

function SampleText({ sample: [time, value] }: { readonly sample: Sample }) {
  return <span title={printTime(time)}>{typeof value === 'string' ? value : <HistogramText histogram={value} />}</span>
}

/** A label set with its parts in colours. */
export function LabelText({ labels }: { readonly labels: LabelSet }) {
  const { __name__: name, ...rest } = labels
  const pairs = Object.entries(rest)
  if (pairs.length === 0) return <code>{printLabels(labels)}</code>
  const isLegacy = name === undefined || isLegacyName(name)
  return (
    <code>
      {isLegacy && <b>{name}</b>}
      {'{'}
      {!isLegacy && <b>{JSON.stringify(name)}, </b>}
      {pairs.map(([key, value], index) => (
        <span key={key}>
          {index > 0 && ', '}
          <span class="label-name">{printLabelName(key)}</span>=<span class="label-value">{JSON.stringify(value)}</span>
        </span>
      ))}
      {'}'}
    </code>
  )
}

/** Count and sum, with bars for the buckets; a click shows them as numbers. */
function HistogramText({ histogram }: { readonly histogram: HistogramValue }) {
  const buckets = histogram.buckets ?? []
  const most = Math.max(...buckets.map(([, , , count]) => Number(count)), 0)
  const share = (count: string): string => `${most > 0 ? (100 * Number(count)) / most : 0}%`
  return (
    <details class="histogram">
      <summary>
        <span class="bars" aria-hidden="true">
          {buckets.map(([, lower, , count]) => (
            <i key={lower} style={{ height: share(count) }} />
          ))}
        </span>
        count {histogram.count} · sum {histogram.sum}
      </summary>
      <table>
        <tbody>
          {buckets.map(([rule, lower, upper, count]) => (
            <tr key={lower}>
              <td>
                {rule === 1 || rule === 3 ? '[' : '('}
                {printBound(lower)}, {printBound(upper)}
                {rule === 0 || rule === 3 ? ']' : ')'}
              </td>
              <td class="bucket">
                <i style={{ width: share(count) }} aria-hidden="true" />
              </td>
              <td class="number">{count}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  )
}

/** Bounds are powers of roots of two, whose last digits nobody reads. */
function printBound(bound: string): string {
  return bound.length > 8 && Number.isFinite(Number(bound)) ? String(Number(Number(bound).toPrecision(6))) : bound
}

function sort(rows: readonly Row[], order: Order): readonly Row[] {
  if (order === 'given') return rows
  if (order === 'series') return rows.toSorted((a, b) => (a.text < b.text ? -1 : 1))
  const sign = order === 'up' ? 1 : -1
  const value = ({ samples }: Row): number => {
    const [, last] = samples.at(-1)!
    return Number(typeof last === 'string' ? last : last.count)
  }
  return rows.toSorted((a, b) => sign * (value(a) - value(b)))
}

function toRows(data: QueryData): Row[] {
  switch (data.resultType) {
    case 'scalar':
    case 'string':
      return [{ labels: {}, text: '', samples: [data.result] }]
    case 'vector':
      return data.result.map(({ metric, value, histogram }) => ({
        labels: metric,
        text: printLabels(metric),
        samples: [histogram ?? value!],
      }))
    case 'matrix':
      return data.result.map(({ metric, values = [], histograms = [] }) => ({
        labels: metric,
        text: printLabels(metric),
        samples: [...values, ...histograms].sort(([a], [b]) => a - b),
      }))
  }
}
