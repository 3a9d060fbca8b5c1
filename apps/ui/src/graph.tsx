/**
 * The graph: one line a series, with a legend that switches them on and off.
 */
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks'
import type { RangeSeries } from './api.ts'
import { timesOf } from './chart.ts'
import { useDark } from './dark.ts'
import { Lines } from './lines.tsx'
import { colourOf, printLabels, splitCommon } from './value.ts'

export interface GraphProps {
  readonly series: readonly RangeSeries[]
  /** Unix seconds. */
  readonly start: number
  readonly end: number
  readonly step: number
  readonly stacked: boolean
  readonly onStacked: (stacked: boolean) => void
  readonly onZoom: (start: number, end: number) => void
}

/** So many lines are drawn unasked: more tell nobody anything. */
const FEW_LINES = 100
/** More than this stall the page; the table shows them all. */
const MAX_LINES = 2_000

export function Graph({ series, start, end, step, stacked, onStacked, onZoom }: GraphProps) {
  const dark = useDark()
  const [all, setAll] = useState(false)
  const [only, setOnly] = useState<number | null>(null)
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set())
  const drawn = useMemo(() => series.slice(0, all ? MAX_LINES : FEW_LINES), [series, all])
  const columns = useMemo(() => toColumns(drawn, start, end, step), [drawn, start, end, step])
  const { common, names } = useMemo(() => {
    const split = splitCommon(drawn.map((one) => one.metric))
    return { common: split.common, names: split.rest.map(printLabels) }
  }, [drawn])
  const colours = useMemo(() => drawn.map((_, index) => colourOf(index, dark)), [drawn, dark])
  const visible = useMemo(() => drawn.map((_, index) => (only === null ? !hidden.has(index) : only === index)), [drawn, only, hidden])

  useEffect(() => {
    setOnly(null)
    setHidden(new Set())
  }, [names.join('\n')])

  const toggle = useCallback(
    (index: number, alone: boolean): void => {
      if (alone) return setOnly(only === index ? null : index)
      setOnly(null)
      const next = new Set(only === null ? hidden : [])
      if (!next.delete(index)) next.add(index)
      setHidden(next)
    },
    [only, hidden],
  )

  return (
    <div class="graph">
      <div class="graph-bar">
        {series.length > FEW_LINES ? (
          <span>
            {drawn.length} of {series.length} series are drawn.{' '}
            {drawn.length < Math.min(series.length, MAX_LINES) && (
              <button type="button" class="link" onClick={() => setAll(true)}>
                Draw {series.length > MAX_LINES ? MAX_LINES : 'all'}
              </button>
            )}
          </span>
        ) : (
          <span class="hint">Drag to zoom</span>
        )}
        <label>
          <input type="checkbox" checked={stacked} onChange={(event) => onStacked(event.currentTarget.checked)} /> Stacked
        </label>
      </div>
      <Lines {...{ start, end, columns, names, colours, visible, stacked, onZoom }} />
      {Object.keys(common).length > 0 && (
        <p class="common">
          In all: <code>{printLabels(common)}</code>
        </p>
      )}
      <ul class="legend" aria-label="Series">
        {names.map((name, index) => (
          <li key={index}>
            <button
              type="button"
              aria-pressed={visible[index]}
              title={`${name}\nClick to hide or show it, with Alt or twice to see it alone`}
              onClick={(event) => toggle(index, event.altKey)}
              onDblClick={() => toggle(index, true)}
            >
              <i style={{ background: colours[index] }} />
              <span>{name}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** Columns on the grid of steps; a step without a sample is a gap. */
function toColumns(series: readonly RangeSeries[], start: number, end: number, step: number): (number | null)[][] {
  const times = timesOf(start, end, step)
  const columns: (number | null)[][] = [times]
  for (const { values = [], histograms = [] } of series) {
    const column: (number | null)[] = Array.from({ length: times.length }, () => null)
    for (const [time, value] of values) place(column, time, Number(value))
    // A histogram among several series is drawn by how many observations it holds.
    for (const [time, value] of histograms) place(column, time, Number(value.count))
    columns.push(column)
  }
  return columns

  function place(column: (number | null)[], time: number, value: number): void {
    const index = Math.round((time - start) / step)
    if (index >= 0 && index < column.length && Number.isFinite(value)) column[index] = value
  }
}
