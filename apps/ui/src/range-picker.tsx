/**
 * Which stretch of time is shown: its length, its end, and the distance of points.
 */
import { useEffect, useState } from 'preact/hooks'
import type { PanelState } from './state.ts'
import { parseLength, printLength, printLocal } from './time.ts'

const LENGTHS = [300, 900, 3_600, 10_800, 21_600, 86_400, 604_800]

export interface RangePickerProps {
  readonly state: PanelState
  readonly chosenStep: number
  readonly onChange: (change: Partial<PanelState>) => void
}

export function RangePicker({ state, chosenStep, onChange }: RangePickerProps) {
  const shift = (by: number): void => {
    const end = (state.end ?? Date.now() / 1000) + by * state.range
    onChange({ end: end >= Date.now() / 1000 ? null : Math.round(end) })
  }
  return (
    <div class="range-picker">
      <div class="lengths" role="group" aria-label="Range">
        {LENGTHS.map((length) => (
          <button key={length} type="button" aria-pressed={length === state.range} onClick={() => onChange({ range: length })}>
            {printLength(length)}
          </button>
        ))}
        <LengthField label="Range" value={state.range} placeholder="" onCommit={(range) => range !== null && onChange({ range })} />
      </div>
      <div class="ends" role="group" aria-label="End">
        <button type="button" title="Earlier" onClick={() => shift(-0.5)}>
          ‹
        </button>
        {state.end === null ? (
          <button type="button" title="Choose when the range ends" onClick={() => onChange({ end: Math.floor(Date.now() / 1000) })}>
            until now
          </button>
        ) : (
          <input
            type="datetime-local"
            step="1"
            aria-label="End of the range"
            value={printLocal(state.end)}
            onChange={(event) => {
              const time = new Date(event.currentTarget.value).getTime() / 1000
              onChange({ end: Number.isFinite(time) ? time : null })
            }}
          />
        )}
        <button type="button" title="Later" disabled={state.end === null} onClick={() => shift(0.5)}>
          ›
        </button>
        {state.end !== null && (
          <button type="button" title="Follow the clock" onClick={() => onChange({ end: null })}>
            now
          </button>
        )}
      </div>
      <label class="step">
        step
        <LengthField label="Step" value={state.step} placeholder={printLength(chosenStep)} onCommit={(step) => onChange({ step })} />
      </label>
    </div>
  )
}

interface LengthFieldProps {
  readonly label: string
  readonly value: number | null
  readonly placeholder: string
  readonly onCommit: (seconds: number | null) => void
}

function LengthField({ label, value, placeholder, onCommit }: LengthFieldProps) {
  const shown = value === null ? '' : printLength(value)
  const [text, setText] = useState(shown)
  useEffect(() => setText(shown), [shown])
  const bad = text.trim() !== '' && parseLength(text) === null
  const commit = (): void => {
    // Leaving the field is no wish to run the query again.
    if (!bad && text.trim() !== shown) onCommit(text.trim() === '' ? null : parseLength(text))
  }
  return (
    <input
      class="length"
      aria-label={label}
      aria-invalid={bad}
      size={6}
      value={text}
      placeholder={placeholder}
      onInput={(event) => setText(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => event.key === 'Enter' && commit()}
    />
  )
}
