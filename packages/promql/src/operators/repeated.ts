/**
 * Shared operators: what occurs several times in a query runs once, if its result is small enough to be kept. A result that grows beyond the
 * limit is passed on and forgotten, and the next occurrence runs by itself: streaming aggregations over many series stay streaming.
 *
 * Annotations of the one run are repeated at every occurrence, moved to where it stands in the text.
 */
import type { Execution, Held, Pages } from '../evaluate/execution.ts'
import type { Grid } from '../evaluate/steps.ts'
import type { SharedPlan } from '../plan.ts'
import type { Captured } from '../annotations.ts'

/** At most so much is kept for one shared operator: an eighth of the default budget of a query. */
const MAX_KEPT_BYTES = 32 * 1_024 * 1_024

interface Kept {
  readonly held: Held
  readonly captured: Captured
  readonly origin: number
  usesLeft: number
}

export async function* shared(plan: SharedPlan, grid: Grid, execution: Execution): Pages {
  const known = execution.shared.get(plan.key) as Kept | 'too large' | undefined
  if (known === 'too large') {
    yield* execution.vector(plan.input, grid)
    return
  }
  if (known !== undefined) {
    execution.annotations.repeat(known.captured, plan.expr.start - known.origin)
    known.usesLeft--
    if (known.usesLeft === 0) {
      execution.shared.delete(plan.key)
      execution.drop(known.held)
    }
    if (known.held.series.length > 0) yield [...known.held.series]
    return
  }
  const captured = execution.annotations.capture()
  const held: Held = { series: [], samples: 0, bytes: 0 }
  const pages = execution.vector(plan.input, grid)
  for await (const page of pages) {
    for (const series of page) {
      series.shared = true
      execution.keep(held, series)
    }
    if (held.bytes <= MAX_KEPT_BYTES) continue
    execution.shared.set(plan.key, 'too large')
    execution.annotations.release(captured)
    execution.drop(held)
    for (const series of held.series) series.shared = false
    yield held.series
    yield* pages
    return
  }
  execution.annotations.release(captured)
  execution.shared.set(plan.key, { held, captured, origin: plan.expr.start, usesLeft: plan.uses - 1 } satisfies Kept)
  if (held.series.length > 0) yield [...held.series]
}
