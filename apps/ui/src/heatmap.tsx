/**
 * The heat map: a single native histogram over time, a cell for each bucket at each step, the darker the more observations. Bounds stand one
 * above the other at equal distances, which shows exponential buckets as on a logarithmic axis and takes zero and negative ones as well.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import type { RangeSeries } from './api.ts'
import { drawChart, timesOf, type Pointer } from './chart.ts'
import { useDark } from './dark.ts'
import { Tooltip } from './tooltip.tsx'
import { printLabels, printShort } from './value.ts'

export interface HeatmapProps {
  readonly series: RangeSeries
  /** Unix seconds. */
  readonly start: number
  readonly end: number
  readonly step: number
  readonly onZoom: (start: number, end: number) => void
}

interface Cell {
  readonly step: number
  /** Rows, the upper one exclusive. */
  readonly low: number
  readonly high: number
  readonly count: number
}

/** Whether an answer is one series of histograms. */
export function isHeatmap(series: readonly RangeSeries[]): boolean {
  return series.length === 1 && (series[0]!.histograms ?? []).some(([, value]) => (value.buckets ?? []).length > 0)
}

export function Heatmap({ series, start, end, step, onZoom }: HeatmapProps) {
  const host = useRef<HTMLDivElement>(null)
  const dark = useDark()
  const [pointer, setPointer] = useState<Pointer | null>(null)
  const times = useMemo(() => timesOf(start, end, step), [start, end, step])
  const { bounds, cells, most } = useMemo(() => toCells(series, start, step, times.length), [series, start, step, times])

  useEffect(() => {
    const element = host.current!
    const colour = getComputedStyle(element).getPropertyValue('--heat')
    return drawChart(element, [times, times.map(() => null)] as uPlot.AlignedData, {
      start,
      end,
      onZoom,
      onPointer: setPointer,
      isFocused: false,
      yScale: { range: () => [0, Math.max(1, bounds.length - 1)] },
      yAxis: {
        size: 60,
        splits: () => rowsToName(bounds.length),
        values: (_, rows) => rows.map((row) => printShort(bounds[row] ?? 0)),
        grid: { show: false },
      },
      series: [{ stroke: 'transparent' }],
      draw: (u) => drawCells(u, times, step, cells, most, colour),
    })
  }, [cells, bounds, times, dark])

  const row = pointer === null ? -1 : Math.floor(pointer.y)
  const under = pointer === null ? undefined : cells.find((cell) => cell.step === pointer.index && cell.low <= row && row < cell.high)
  return (
    <div class="graph">
      <div class="graph-bar">
        <span>
          Buckets of <code>{printLabels(series.metric)}</code>
        </span>
        <span class="scale">
          0 <i /> {printShort(most)}
        </span>
      </div>
      <div class="plot" ref={host} role="img" aria-label="Heat map of a histogram; the table has the values">
        {pointer !== null && under !== undefined && (
          <Tooltip
            pointer={pointer}
            time={times[pointer.index]!}
            width={host.current?.clientWidth ?? 0}
            rows={[
              {
                name: `${printShort(bounds[under.low]!)} to ${printShort(bounds[under.high]!)}`,
                value: printShort(under.count),
                colour: 'var(--heat)',
              },
            ]}
          />
        )}
      </div>
    </div>
  )
}

function toCells(
  { histograms = [] }: RangeSeries,
  start: number,
  step: number,
  steps: number,
): { readonly bounds: readonly number[]; readonly cells: readonly Cell[]; readonly most: number } {
  const known = new Set<number>()
  for (const [, { buckets = [] }] of histograms) for (const [, lower, upper] of buckets) known.add(Number(lower)).add(Number(upper))
  const bounds = [...known].sort((a, b) => a - b)
  const rowOf = new Map(bounds.map((bound, row) => [bound, row]))
  const cells: Cell[] = []
  let most = 0
  for (const [time, { buckets = [] }] of histograms) {
    const index = Math.round((time - start) / step)
    if (index < 0 || index >= steps) continue
    for (const [, lower, upper, text] of buckets) {
      const count = Number(text)
      if (!(count > 0)) continue
      most = Math.max(most, count)
      cells.push({ step: index, low: rowOf.get(Number(lower))!, high: rowOf.get(Number(upper))!, count })
    }
  }
  return { bounds, cells, most }
}

function drawCells(u: uPlot, times: readonly number[], step: number, cells: readonly Cell[], most: number, colour: string): void {
  const { ctx } = u
  const { left, top, width, height } = u.bbox
  ctx.save()
  ctx.beginPath()
  ctx.rect(left, top, width, height)
  ctx.clip()
  ctx.fillStyle = colour
  for (const { step: index, low, high, count } of cells) {
    // Roots spread the few that are counted seldom, which is where tails are seen.
    ctx.globalAlpha = 0.1 + 0.9 * Math.sqrt(count / most)
    const x = Math.round(u.valToPos(times[index]! - step / 2, 'x', true))
    const right = Math.round(u.valToPos(times[index]! + step / 2, 'x', true))
    const y = Math.round(u.valToPos(high, 'y', true))
    const bottom = Math.round(u.valToPos(low, 'y', true))
    ctx.fillRect(x, y, Math.max(1, right - x), Math.max(1, bottom - y))
  }
  ctx.restore()
}

/** About eight rows, evenly spread. */
function rowsToName(count: number): number[] {
  const every = Math.max(1, Math.ceil(count / 8))
  return Array.from({ length: Math.ceil(count / every) }, (_, i) => i * every)
}
