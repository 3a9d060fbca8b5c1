/**
 * Lines: the drawing of a graph and the values under the pointer. A component of its own, since the pointer moves often and the legend beside
 * it may be long.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import { drawChart, type Pointer } from './chart.ts'
import { Tooltip } from './tooltip.tsx'
import { printShort } from './value.ts'

/** Times and, for each series, values on them. */
type Columns = readonly (readonly (number | null)[])[]

export interface LinesProps {
  /** Unix seconds. */
  readonly start: number
  readonly end: number
  readonly columns: Columns
  readonly names: readonly string[]
  readonly colours: readonly string[]
  readonly visible: readonly boolean[]
  readonly stacked: boolean
  readonly onZoom: (start: number, end: number) => void
}

/** Of more lines than this the nearest is not brought out, which would draw all of them anew at each move. */
const MAX_FOCUSED = 60

export function Lines({ start, end, columns, names, colours, visible, stacked, onZoom }: LinesProps) {
  const host = useRef<HTMLDivElement>(null)
  const [pointer, setPointer] = useState<Pointer | null>(null)
  const drawn = useMemo(() => (stacked ? stack(columns, visible) : columns), [columns, stacked, visible])

  useEffect(() => {
    const points = { show: columns[0]!.length < 60 }
    return drawChart(host.current!, drawn as unknown as uPlot.AlignedData, {
      start,
      end,
      onZoom,
      onPointer: setPointer,
      isFocused: !stacked && names.length <= MAX_FOCUSED,
      // A stacked area ends where the one below it begins.
      bands: stacked ? bandsBetween(visible) : [],
      // An area is measured from nothing.
      ...(stacked ? { yScale: { range: (_, min, max) => [Math.min(0, min), Math.max(0, max) * 1.05] } } : {}),
      yAxis: { size: 60, values: (_, splits) => splits.map(printShort) },
      series: colours.map((stroke, index) => {
        return { show: visible[index]!, stroke, width: 1.6, spanGaps: false, points, ...(stacked ? { fill: `${stroke}38` } : {}) }
      }),
    })
  }, [drawn, visible, colours])

  return (
    <div class="plot" ref={host} role="img" aria-label={`Graph of ${names.length} series; the table has the values`}>
      {pointer !== null && (
        <Tooltip
          pointer={pointer}
          time={columns[0]![pointer.index]!}
          width={host.current?.clientWidth ?? 0}
          rows={names
            .map((name, index) => ({ name, index, value: columns[index + 1]![pointer.index] ?? null }))
            .filter(({ index, value }) => value !== null && visible[index])
            .sort((a, b) => b.value! - a.value!)
            .map(({ name, index, value }) => ({ name, colour: colours[index]!, value: printShort(value!) }))}
        />
      )}
    </div>
  )
}

function bandsBetween(visible: readonly boolean[]): uPlot.Band[] {
  const shown = visible.flatMap((isShown, index) => (isShown ? [index] : []))
  return shown.slice(1).map((index, below) => ({ series: [index + 1, shown[below]! + 1] }))
}

function stack(columns: Columns, visible: readonly boolean[]): Columns {
  const base = columns[0]!.map(() => 0)
  const stacked = [columns[0]!]
  for (let s = 1; s < columns.length; s++) {
    stacked.push(
      columns[s]!.map((value, i) => {
        if (value === null || !visible[s - 1]) return value
        base[i] = base[i]! + value
        return base[i]!
      }),
    )
  }
  return stacked
}
