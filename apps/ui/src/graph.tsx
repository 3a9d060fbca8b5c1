/**
 * The graph: one line a series, drawn by uPlot from aligned columns. Dragging zooms, the legend switches series on and off.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { RangeSeries } from './api.ts'
import { printTime } from './time.ts'
import { colourOf, printLabels, printShort, splitCommon } from './value.ts'

export interface GraphProps {
  readonly series: readonly RangeSeries[]
  /** Unix seconds. */
  readonly start: number
  readonly end: number
  readonly step: number
  readonly onZoom: (start: number, end: number) => void
}

/** More lines than this tell nobody anything and stall the page; the table shows them all. */
const MAX_LINES = 200
const HEIGHT = 380

export function Graph({ series, start, end, step, onZoom }: GraphProps) {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const [only, setOnly] = useState<number | null>(null)
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set())
  const [stacked, setStacked] = useState(false)
  const [cursor, setCursor] = useState<{ left: number; top: number; index: number } | null>(null)
  const shown = useMemo(() => series.slice(0, MAX_LINES), [series])
  const columns = useMemo(() => toColumns(shown, start, end, step), [shown, start, end, step])
  const { common, names } = useMemo(() => {
    const split = splitCommon(shown.map((one) => one.metric))
    return { common: split.common, names: split.rest.map(printLabels) }
  }, [shown])
  const visible = (index: number): boolean => (only === null ? !hidden.has(index) : only === index)

  useEffect(() => {
    setOnly(null)
    setHidden(new Set())
  }, [names.join('\n')])

  const drawn = useMemo(() => (stacked ? stack(columns, visible) : columns), [columns, stacked, only, hidden])

  useEffect(() => {
    const element = host.current!
    const style = getComputedStyle(element)
    const muted = style.getPropertyValue('--muted')
    const grid = { stroke: style.getPropertyValue('--line'), width: 1 }
    const axis = { stroke: muted, grid, ticks: { show: false }, font: '11px system-ui, sans-serif' }
    const chart = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        scales: { x: { time: true, range: () => [start, end] } },
        axes: [
          { ...axis, values: (_, splits) => timeLabels(splits) },
          { ...axis, size: 64, values: (_, splits) => splits.map(printShort) },
        ],
        cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 7 }, focus: { prox: 24 } },
        focus: { alpha: 0.35 },
        series: [
          {},
          ...shown.map((_, index) => ({
            show: visible(index),
            stroke: colourOf(index),
            width: 1.6,
            spanGaps: false,
            ...(stacked ? { fill: `${colourOf(index)}40` } : {}),
            points: { show: columns[0]!.length < 2 || step * 60 > end - start },
          })),
        ],
        hooks: {
          setSelect: [
            (u) => {
              const from = u.posToVal(u.select.left, 'x')
              const to = u.posToVal(u.select.left + u.select.width, 'x')
              if (u.select.width > 4) onZoom(from, to)
              u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
            },
          ],
          setCursor: [
            (u) => {
              const { left, top, idx } = u.cursor
              setCursor(left === undefined || left < 0 || idx === null || idx === undefined ? null : { left, top: top ?? 0, index: idx })
            },
          ],
        },
      },
      drawn as uPlot.AlignedData,
      element,
    )
    plot.current = chart
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      chart.destroy()
      plot.current = null
    }
  }, [drawn, stacked, only, hidden])

  const toggle = (index: number, alone: boolean): void => {
    if (alone) return setOnly(only === index ? null : index)
    setOnly(null)
    const next = new Set(hidden)
    if (!next.delete(index)) next.add(index)
    setHidden(next)
  }

  return (
    <div class="graph">
      <div class="graph-bar">
        <span class="hint">Drag to zoom · click a series to hide it, double-click to see it alone</span>
        <label>
          <input type="checkbox" checked={stacked} onChange={(event) => setStacked(event.currentTarget.checked)} /> stacked
        </label>
      </div>
      <div class="plot" ref={host}>
        {cursor !== null && (
          <Tooltip cursor={cursor} columns={columns} names={names} visible={visible} width={host.current?.clientWidth ?? 0} />
        )}
      </div>
      {series.length > MAX_LINES && (
        <p class="note">
          The first {MAX_LINES} of {series.length} series are drawn; the table shows all.
        </p>
      )}
      {Object.keys(common).length > 0 && (
        <p class="common">
          all <code>{printLabels(common)}</code>
        </p>
      )}
      <ul class="legend">
        {names.map((name, index) => (
          <li key={name}>
            <button
              type="button"
              class={visible(index) ? '' : 'off'}
              title={name}
              onClick={() => toggle(index, false)}
              onDblClick={() => toggle(index, true)}
            >
              <i style={{ background: colourOf(index) }} />
              <span>{name}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}

interface TooltipProps {
  readonly cursor: { readonly left: number; readonly top: number; readonly index: number }
  readonly columns: readonly (readonly (number | null)[])[]
  readonly names: readonly string[]
  readonly visible: (index: number) => boolean
  readonly width: number
}

/** The values under the cursor, greatest first. */
function Tooltip({ cursor, columns, names, visible, width }: TooltipProps) {
  const rows = names
    .map((name, index) => ({ name, index, value: columns[index + 1]![cursor.index] ?? null }))
    .filter((row) => row.value !== null && visible(row.index))
    .sort((a, b) => b.value! - a.value!)
  if (rows.length === 0) return null
  const right = cursor.left > width / 2
  return (
    <div class="tooltip" style={right ? { right: `${width - cursor.left - 50}px` } : { left: `${cursor.left + 80}px` }}>
      <time>{printTime(columns[0]![cursor.index]!)}</time>
      {rows.slice(0, 12).map((row) => (
        <div key={row.index}>
          <i style={{ background: colourOf(row.index) }} />
          <span>{row.name}</span>
          <b>{printShort(row.value!)}</b>
        </div>
      ))}
      {rows.length > 12 && <em>and {rows.length - 12} more</em>}
    </div>
  )
}

/** Times of day for an axis, with the date at the first one of each day where more than one is shown. */
function timeLabels(splits: readonly number[]): string[] {
  const seconds = splits.some((split) => split % 60 !== 0)
  let day = printTime(splits[0] ?? 0).slice(0, 10)
  return splits.map((split) => {
    const [date, time] = printTime(split).split(' ') as [string, string]
    const label = seconds ? time : time.slice(0, 5)
    if (date === day) return label
    day = date
    return `${date.slice(5)}\n${label}`
  })
}

/** Columns on the grid of steps; a step without a sample is a gap. */
function toColumns(series: readonly RangeSeries[], start: number, end: number, step: number): (number | null)[][] {
  const count = Math.floor((end - start) / step + 1e-6) + 1
  const times = Array.from({ length: count }, (_, i) => start + i * step)
  const columns: (number | null)[][] = [times]
  for (const { values = [], histograms = [] } of series) {
    const column: (number | null)[] = Array.from({ length: count }, () => null)
    for (const [time, value] of values) place(column, time, Number(value))
    // A histogram is drawn by how many observations it holds.
    for (const [time, value] of histograms) place(column, time, Number(value.count))
    columns.push(column)
  }
  return columns

  function place(column: (number | null)[], time: number, value: number): void {
    const index = Math.round((time - start) / step)
    if (index >= 0 && index < count && Number.isFinite(value)) column[index] = value
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
