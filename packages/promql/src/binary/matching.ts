/**
 * Matching: which series of two vectors belong together. A series' match group is named by the labels that `on` lists, or by all but the
 * ignored ones and the metric name.
 */
import { isLegacyLabelName, METRIC_NAME, type Labels } from '@tsink/core'
import type { VectorMatching } from '../ast.ts'
import type { StepSeries } from '../evaluate/steps.ts'
import { ABSENT } from '../evaluate/steps.ts'
import { quote } from '../strings.ts'

/** A function that gives a series' match group as a text. */
export function matchKey(matching: VectorMatching): (labels: Labels) => string {
  if (matching.on) {
    const listed = [...new Set(matching.labels)]
    if (listed.length === 1) {
      const only = listed[0]!
      return (labels) => labels.get(only)
    }
    return (labels) => {
      let key = ''
      for (const name of listed) key += `${labels.get(name)}\u0002`
      return key
    }
  }
  const ignored = new Set(matching.labels)
  return ({ names, values }) => {
    let key = ''
    for (let i = 0; i < names.length; i++) {
      if (!ignored.has(names[i]!) && names[i] !== METRIC_NAME) key += `${names[i]!}\u0001${values[i]!}\u0002`
    }
    return key
  }
}

/** The labels that make up a series' match group. */
export function matchLabels(labels: Labels, matching: VectorMatching): Labels {
  const listed = new Set(matching.labels)
  return labels.filter((name) => (matching.on ? listed.has(name) : !listed.has(name) && name !== METRIC_NAME))
}

/** Labels as error messages show them: `{__name__="up", job="node"}`. */
export function showLabels(labels: Labels): string {
  const parts: string[] = []
  for (const [name, value] of labels) parts.push(`${isLegacyLabelName(name) ? name : quote(name)}=${quote(value)}`)
  return `{${parts.join(', ')}}`
}

/** The steps at which any of the series has a sample, as 1. */
export function presence(all: readonly StepSeries[], steps: number): Uint8Array {
  const present = new Uint8Array(steps)
  for (const series of all) addPresence(series, present)
  return present
}

export function addPresence({ kinds }: StepSeries, present: Uint8Array): void {
  for (let k = 0; k < kinds.length; k++) if (kinds[k] !== ABSENT) present[k] = 1
}
