/**
 * Dropping names: most operators give series that are no longer the metric they were made of. Stock, the name goes at once, and series that
 * differed only in it must be merged or refused; with delayed name removal it is only marked. Merging needs all series, so series are
 * held back only where two can become equal.
 */
import type { Execution } from '../evaluate/execution.ts'
import type { StepSeries } from '../evaluate/steps.ts'
import { hasTypeOrUnit, mergeEqual } from '../evaluate/unique.ts'
import type { Names } from '../plan.ts'

export class NameDropper {
  readonly #delayed: boolean
  readonly #names: Names
  readonly #waiting: StepSeries[] = []
  readonly #execution: Execution

  /** `names` is what the series may carry before they are dropped. */
  constructor(names: Names, execution: Execution) {
    this.#delayed = execution.settings.features.delayedNameRemoval
    this.#names = names
    this.#execution = execution
  }

  /** The series without its name, or null when it is held back until {@link rest}. Takes the series. */
  drop(series: StepSeries): StepSeries | null {
    if (this.#delayed) {
      series.dropName = true
      return series
    }
    const mayMeet = this.#names === 'many' || (this.#names === 'one' && hasTypeOrUnit(series.labels))
    series.labels = series.labels.withoutSchema()
    if (!mayMeet) return series
    this.#execution.hold(0, series.kinds.length * 9)
    this.#waiting.push(series)
    return null
  }

  /** The series that were held back, merged. */
  rest(): StepSeries[] {
    let bytes = 0
    for (const series of this.#waiting) bytes += series.kinds.length * 9
    this.#execution.hold(0, -bytes)
    return mergeEqual(this.#waiting)
  }
}
