/**
 * The outcome of a panel's query: asked for when something about the question changes, the question before it aborted.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, queryInstant, queryPlan, queryRange, type Answer, type PlanNode, type Steps } from './api.ts'
import { rememberQuery } from './history.ts'
import type { PanelState, Tab } from './state.ts'
import { stepFor } from './time.ts'

/** About so many points are asked for: one for two or three pixels. */
const POINTS = 480

/** An answer with the question that it answers. */
export type Outcome = { readonly query: string; readonly steps: Steps } & (
  | { readonly tab: Exclude<Tab, 'explain'>; readonly answer: Answer }
  /** `measured`: the query has run. */
  | { readonly tab: 'explain'; readonly answer: Answer<PlanNode>; readonly measured: boolean }
)

export interface Asked {
  readonly outcome: Outcome | null
  readonly error: { readonly query: string; readonly cause: ApiError } | null
  readonly busy: boolean
}

const NOTHING: Asked = { outcome: null, error: null, busy: false }

/** Asks anew whenever the panel's state changes, `run` counts up or `tick` does. `stop` ends the question that is being answered. */
export function useOutcome(panel: PanelState, run: number, tick: number): Asked & { readonly stop: () => void } {
  const asking = useRef<AbortController | null>(null)
  const [asked, setAsked] = useState<Asked>(NOTHING)
  const { tab, range, end, step } = panel
  const query = panel.query.trim()

  useEffect(() => {
    if (query === '') return setAsked(NOTHING)
    const control = new AbortController()
    asking.current = control
    setAsked((before) => ({ ...before, busy: true }))
    const show = (outcome: Outcome, busy: boolean): void => {
      if (!control.signal.aborted) setAsked({ outcome, error: null, busy })
    }
    answer({ ...panel, query }, control.signal, show).then(
      () => rememberQuery(query),
      (cause: unknown) => {
        if (control.signal.aborted) return
        const error = cause instanceof ApiError ? cause : new ApiError('error', String(cause), 0)
        setAsked({ outcome: null, error: { query, cause: error }, busy: false })
      },
    )
    return () => control.abort()
  }, [query, tab, range, end, step, run, tick])

  const stop = (): void => {
    asking.current?.abort()
    setAsked((before) => ({ ...before, busy: false }))
  }
  return { ...asked, stop }
}

/** The distance of the points of a panel, chosen where it is not given. */
export function stepOf({ step, range }: PanelState): number {
  return step ?? stepFor(range, POINTS)
}

async function answer(panel: PanelState, signal: AbortSignal, show: (outcome: Outcome, busy: boolean) => void): Promise<void> {
  const { query, tab } = panel
  const now = panel.end ?? Date.now() / 1_000
  const steps = stepsOf(panel, now)
  switch (tab) {
    case 'graph':
      return show({ query, steps, tab, answer: await queryRange(query, steps, signal) }, false)
    case 'table':
      return show({ query, steps, tab, answer: await queryInstant(query, now, signal) }, false)
    case 'explain':
      // The plan comes at once; what it takes is known when the query has run.
      show({ query, steps, tab, answer: await queryPlan(false, query, steps, signal), measured: false }, true)
      return show({ query, steps, tab, answer: await queryPlan(true, query, steps, signal), measured: true }, false)
  }
}

/** Steps lie on multiples of themselves, so that a refresh moves the window and not the points. */
function stepsOf(panel: PanelState, now: number): Steps {
  const step = stepOf(panel)
  const end = Math.floor(now / step) * step
  return { start: end - Math.floor(panel.range / step) * step, end, step }
}
