/**
 * A panel: one query, a stretch of time, and what the server says about them.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { PromqlEditor } from './promql-editor.ts'
import { Editor } from './editor.tsx'
import { Problem } from './problem.tsx'
import { HistoryMenu } from './history-menu.tsx'
import { CloseIcon, CopyIcon, FormatIcon } from './icons.tsx'
import { stepOf, useOutcome } from './outcome.ts'
import { RangePicker } from './range-picker.tsx'
import { Result } from './result.tsx'
import { Running } from './running.tsx'
import type { PanelState, Tab } from './state.ts'
import { Tabs } from './tabs.tsx'
import { Welcome } from './welcome.tsx'

/** What others may do to a panel's text. */
export interface PanelHandle {
  text(): string
  setText(text: string, run: boolean): void
  insert(text: string): void
}

export interface PanelProps {
  readonly state: PanelState
  readonly number: number
  /** Counts refreshes. */
  readonly tick: number
  readonly alone: boolean
  readonly onChange: (change: Partial<PanelState>) => void
  readonly onDuplicate: (() => void) | null
  readonly onRemove: () => void
  readonly onFocus: () => void
  readonly onHandle: (handle: PanelHandle | null) => void
}

const TABS: readonly (readonly [tab: Tab, name: string])[] = [
  ['graph', 'Graph'],
  ['table', 'Table'],
  ['explain', 'Explain'],
]

export function Panel({ state, number, tick, alone, onChange, onDuplicate, onRemove, onFocus, onHandle }: PanelProps) {
  const draft = useRef(state.query)
  const editor = useRef<PromqlEditor | null>(null)
  const [run, setRun] = useState(0)
  const [formatted, setFormatted] = useState('')
  const { outcome, error, busy, stop } = useOutcome(state, run, tick)
  const shown = useRef(state.query)
  if (shown.current !== state.query) {
    shown.current = state.query
    draft.current = state.query
  }

  const ask = (change: Partial<PanelState> = {}): void => {
    onChange({ query: draft.current, ...change })
    setRun((count) => count + 1)
  }
  const setText = (text: string, runs: boolean): void => {
    draft.current = text
    editor.current?.setValue(text)
    if (runs) ask()
    else editor.current?.focus()
  }
  const format = async (): Promise<void> => {
    const { formatQuery } = await import('./language.ts')
    const pretty = await formatQuery(draft.current)
    setFormatted(pretty === null ? 'The query does not parse, so it cannot be formatted.' : '')
    if (pretty !== null) setText(pretty, false)
  }
  const latest = useRef({ setText })
  latest.current = { setText }
  useEffect(() => {
    onHandle({
      text: () => draft.current,
      setText: (text, runs) => latest.current.setText(text, runs),
      insert: (text) => editor.current?.insert(text),
    })
    return () => onHandle(null)
  }, [])

  const ids = `panel-${state.id}`
  return (
    <section class="panel" aria-label={alone ? 'Query' : `Query ${number}`} onFocusCapture={onFocus}>
      <div class="query">
        <Editor
          value={state.query}
          autofocus={number === 1}
          onChange={(query) => {
            draft.current = query
            if (formatted !== '') setFormatted('')
          }}
          onRun={() => ask()}
          onFormat={() => void format()}
          onReady={(ready) => {
            editor.current = ready
          }}
        />
        <div class="actions">
          <HistoryMenu onPick={(query) => setText(query, true)} />
          <button
            type="button"
            class="icon"
            title="Format the query (Shift+Alt+F)"
            aria-label="Format the query"
            onClick={() => void format()}
          >
            <FormatIcon />
          </button>
          <button type="button" class="run" aria-busy={busy} onClick={() => ask()}>
            {busy ? <span class="spinner" role="img" aria-label="Running" /> : 'Run'}
          </button>
        </div>
      </div>
      {formatted !== '' && (
        <p class="warning" role="status">
          {formatted}
        </p>
      )}
      <div class="controls">
        <Tabs tabs={TABS} selected={state.tab} controls={ids} onSelect={(tab) => ask({ tab })} />
        <RangePicker state={state} chosenStep={stepOf(state)} onChange={ask} />
        <div class="panel-actions">
          {onDuplicate !== null && (
            <button type="button" class="icon" title="Duplicate this query" aria-label="Duplicate this query" onClick={onDuplicate}>
              <CopyIcon />
            </button>
          )}
          {!alone && (
            <button type="button" class="icon" title="Remove this query" aria-label="Remove this query" onClick={onRemove}>
              <CloseIcon />
            </button>
          )}
        </div>
      </div>
      <div class="outcome" id={ids} role="tabpanel" aria-label={TABS.find(([tab]) => tab === state.tab)![1]} aria-busy={busy}>
        {busy && <Running onStop={stop} />}
        {error !== null && <Problem {...error} onTable={state.tab === 'table' ? null : () => ask({ tab: 'table' })} />}
        {outcome !== null && (
          <Result
            outcome={outcome}
            stacked={state.stacked}
            onStacked={(stacked) => onChange({ stacked })}
            onZoom={(start, end) => ask({ end: Math.round(end), range: Math.max(Math.round(end - start), 10), step: null })}
          />
        )}
        {error === null && outcome === null && !busy && alone && <Welcome onPick={(query) => setText(query, true)} />}
        {error === null && outcome === null && !busy && !alone && <p class="empty">Write a query and press Enter.</p>}
      </div>
    </section>
  )
}
