/**
 * Charts: what the line graph and the heat map share of uPlot. Both show a stretch of time, tell where the pointer is, and zoom by dragging.
 */
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { printTime } from './time.ts'

const HEIGHT = 380

/** Where the pointer is: pixels from the chart's left and top, the index of the step, and the value at that height. */
export interface Pointer {
  readonly left: number
  readonly index: number
  readonly y: number
}

export interface ChartOptions {
  /** Unix seconds. */
  readonly start: number
  readonly end: number
  readonly onZoom: (start: number, end: number) => void
  readonly onPointer: (pointer: Pointer | null) => void
  readonly yAxis: uPlot.Axis
  readonly yScale?: uPlot.Scale
  readonly series: uPlot.Series[]
  /** The line nearest to the pointer is brought out, and points follow it. */
  readonly isFocused: boolean
  readonly bands?: uPlot.Band[]
  readonly draw?: (u: uPlot) => void
}

/** Draws a chart that follows the width of its element. Returns what takes it away again. */
export function drawChart(element: HTMLElement, data: uPlot.AlignedData, options: ChartOptions): () => void {
  const { start, end, onZoom, onPointer } = options
  const style = getComputedStyle(element)
  const grid = { stroke: style.getPropertyValue('--grid'), width: 1 }
  const axis = { stroke: style.getPropertyValue('--muted'), grid, ticks: { show: false }, font: '11px system-ui, sans-serif' }
  const height = (): number => Math.min(HEIGHT, Math.max(220, Math.round(innerHeight * 0.45)))
  const chart = new uPlot(
    {
      width: element.clientWidth,
      height: height(),
      legend: { show: false },
      scales: { x: { time: true, range: () => [start, end] }, ...(options.yScale === undefined ? {} : { y: options.yScale }) },
      axes: [
        { ...axis, values: (_, splits) => timeLabels(splits) },
        { ...axis, ...options.yAxis },
      ],
      cursor: {
        drag: { x: true, y: false, setScale: false },
        points: { size: 7, show: options.isFocused },
        focus: { prox: options.isFocused ? 24 : -1 },
      },
      focus: { alpha: 0.35 },
      series: [{}, ...options.series],
      bands: options.bands ?? [],
      hooks: {
        setSelect: [
          (u) => {
            const { left, width } = u.select
            if (width <= 4) return
            u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
            onZoom(u.posToVal(left, 'x'), u.posToVal(left + width, 'x'))
          },
        ],
        setCursor: [
          (u) => {
            const { left = -1, top = -1, idx } = u.cursor
            onPointer(left < 0 || idx === null || idx === undefined ? null : { left, index: idx, y: u.posToVal(top, 'y') })
          },
        ],
        draw: options.draw === undefined ? [] : [options.draw],
      },
    },
    data,
    element,
  )
  const observer = new ResizeObserver(() => {
    // A hidden chart has no width, and keeps the one that it had.
    if (element.clientWidth > 0) chart.setSize({ width: element.clientWidth, height: height() })
  })
  observer.observe(element)
  return () => {
    observer.disconnect()
    chart.destroy()
  }
}

/** The steps of a stretch of time. */
export function timesOf(start: number, end: number, step: number): number[] {
  return Array.from({ length: Math.floor((end - start) / step + 1e-6) + 1 }, (_, i) => start + i * step)
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
