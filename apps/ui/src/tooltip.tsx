/** The values under the pointer, beside it. */
import type { Pointer } from './chart.ts'
import { printTime } from './time.ts'

export interface TooltipProps {
  readonly pointer: Pointer
  /** Unix seconds. */
  readonly time: number
  readonly width: number
  readonly rows: readonly { readonly name: string; readonly value: string; readonly colour: string }[]
}

const MAX_ROWS = 12

export function Tooltip({ pointer, time, width, rows }: TooltipProps) {
  if (rows.length === 0) return null
  const isRight = pointer.left > width / 2
  return (
    <div class="tooltip" style={isRight ? { right: `${width - pointer.left - 44}px` } : { left: `${pointer.left + 76}px` }}>
      <time>{printTime(time)}</time>
      {rows.slice(0, MAX_ROWS).map((row, index) => (
        <div key={index}>
          <i style={{ background: row.colour }} />
          <span>{row.name}</span>
          <b>{row.value}</b>
        </div>
      ))}
      {rows.length > MAX_ROWS && <em>and {rows.length - MAX_ROWS} more</em>}
    </div>
  )
}
