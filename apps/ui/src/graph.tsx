/**
 * The graph: one line a series, drawn from aligned columns. Dragging zooms, the legend switches series on and off.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import type { RangeSeries } from './api.ts'
import { drawChart, timesOf, type Pointer } from './chart.ts'
import { useDark } from './dark.ts'
import { Tooltip } from './tooltip.tsx'
import { colourOf, printLabels, printShort, splitCommon } from './value.ts'

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
  const host = useRef<HTMLDivElement>(null)
  const dark = useDark()
  const [all, setAll] = useState(false)
  const [only, setOnly] = useState<number | null>(null)
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set())
  const [pointer, setPointer] = useState<Pointer | null>(null)
  const shown = useMemo(() => series.slice(0, all ? MAX_LINES : FEW_LINES), [series, all])
  const columns = useMemo(() => toColumns(shown, start, end, step), [shown, start, end, step])
  const { common, names } = useMemo(() => {
    const split = splitCommon(shown.map((one) => one.metric))
    return { common: split.common, names: split.rest.map(printLabels) }
  }, [shown])
  const visible = (index: number): boolean => (only === null ? !hidden.has(index) : only === index)
  const drawn = useMemo(() => (stacked ? stack(columns, visible) : columns), [columns, stacked, only, hidden])

  useEffect(() => {
    setOnly(null)
    setHidden(new Set())
  }, [names.join('\n')])

  useEffect(() => {
    const points = { show: columns[0]!.length < 2 || step * 60 > end - start }
    return drawChart(host.current!, drawn as uPlot.AlignedData, {
      start,
      end,
      onZoom,
      onPointer: setPointer,
      // A stacked area ends where the one below it begins.
      bands: stacked ? bandsBetween(shown.map((_, index) => index).filter(visible)) : [],
      yAxis: { size: 60, values: (_, splits) => splits.map(printShort) },
      series: shown.map((_, index) => {
        const stroke = colourOf(index, dark)
        return { show: visible(index), stroke, width: 1.6, spanGaps: false, points, ...(stacked ? { fill: `${stroke}38` } : {}) }
      }),
    })
  }, [drawn, stacked, only, hidden, dark])

  const toggle = (index: number, alone: boolean): void => {
    if (alone) return setOnly(only === index ? null : index)
    setOnly(null)
    const next = new Set(only === null ? hidden : [])
    if (!next.delete(index)) next.add(index)
    setHidden(next)
  }
  const hasCommon = Object.keys(common).length > 0

  return (
    <div class="graph">
      <div class="graph-bar">
        {series.length > FEW_LINES ? (
          <span>
            {shown.length} of {series.length} series are drawn.{' '}
            {shown.length < Math.min(series.length, MAX_LINES) && (
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
      <div class="plot" ref={host} role="img" aria-label={`Graph of ${series.length} series; the table has the values`}>
        {pointer !== null && (
          <Tooltip
            pointer={pointer}
            time={columns[0]![pointer.index]!}
            width={host.current?.clientWidth ?? 0}
            rows={names
              .map((name, index) => ({ name, colour: colourOf(index, dark), value: columns[index + 1]![pointer.index] ?? null, index }))
              .filter((row) => row.value !== null && visible(row.index))
              .sort((a, b) => b.value! - a.value!)
              .map(({ name, colour, value }) => ({ name, colour, value: printShort(value!) }))}
          />
        )}
      </div>
      {hasCommon && (
        <p class="common">
          In all: <code>{printLabels(common)}</code>
        </p>
      )}
      <ul class="legend" aria-label="Series">
        {names.map((name, index) => (
          <li key={index}>
            <button
              type="button"
              aria-pressed={visible(index)}
              title={`${name}\nClick to hide or show it, with Alt or twice to see it alone`}
              onClick={(event) => toggle(index, event.altKey)}
              onDblClick={() => toggle(index, true)}
            >
              <i style={{ background: colourOf(index, dark) }} />
              <span>{name}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}

function bandsBetween(indexes: readonly number[]): uPlot.Band[] {
  return indexes.slice(1).map((index, below) => ({ series: [index + 1, indexes[below]! + 1] }))
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

function stack(columns: readonly (number | null)[][], visible: (index: number) => boolean): (number | null)[][] {
  const base = columns[0]!.map(() => 0)
  const stacked = [columns[0]!]
  for (let s = 1; s < columns.length; s++) {
    stacked.push(
      columns[s]!.map((value, i) => {
        if (value === null || !visible(s - 1)) return value
        base[i] = base[i]! + value
        return base[i]!
      }),
    )
  }
  return stacked
}
