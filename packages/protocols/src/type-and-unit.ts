/**
 * Types and units as labels: Prometheus's feature `type-and-unit-labels`, under which every series says in `__type__` and `__unit__` what its
 * family is. What a sender writes into these labels itself is not believed.
 */
import type { MetricType } from '@tsink/core'
import type { LabelWriter } from './label-writer.ts'

/** What the lines of metadata have said last. As in Prometheus it holds for all samples behind them, until other lines say something else. */
export class TypeAndUnit {
  #type: MetricType = 'unknown'
  #unit = ''
  #unitOf = ''

  /** A family's type. Another family's unit ends here. */
  onType(metric: string, type: MetricType): void {
    this.#type = type
    if (metric !== this.#unitOf) this.#unit = ''
  }

  onUnit(metric: string, unit: string): void {
    this.#unit = unit
    this.#unitOf = metric
  }

  /** Adds both labels to a label set that is finished so that the last one of a name stays. */
  addTo(labels: LabelWriter): void {
    addTypeAndUnit(labels, this.#type, this.#unit)
  }
}

/** Adds both labels; an unknown type and no unit are none. */
export function addTypeAndUnit(labels: LabelWriter, type: MetricType, unit: string): void {
  labels.addText('__type__', type === 'unknown' ? '' : type)
  labels.addText('__unit__', unit)
}
