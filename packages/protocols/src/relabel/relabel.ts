/**
 * Relabelling: steps that rewrite, map, keep or drop label sets, as Prometheus's `relabel_configs` and `metric_relabel_configs` have them.
 *
 *     labels ─ step ▸ labels ─ step ▸ ... ▸ labels, or null from the first step that drops on
 *
 * Steps are compiled once; a label set goes through them once in its life, since whoever has many samples of it remembers the answer.
 */
import { compareStrings, compileCapturing, Labels, type CapturingRegex } from '@tsink/core'
import { completeRelabelConfig, isLabelName, type RelabelConfig } from './config.ts'
import { md5Low64Modulo } from './md5.ts'

/** A compiled step. */
export interface RelabelStep {
  readonly config: Required<RelabelConfig>
  /** The label set after the step, or null when the step drops it. */
  apply(labels: Labels): Labels | null
}

/**
 * Compiles one step.
 * @throws TsinkError BAD_CONFIG when its parts do not go together, BAD_REGEX.
 */
export function compileRelabel(partial: RelabelConfig): RelabelStep {
  const config = completeRelabelConfig(partial)
  const regex = compileCapturing(config.regex)
  return { config, apply: actionOf(config, regex) }
}

/** Runs label sets through steps; null when one of them drops it. A label that becomes empty is gone. */
export function relabel(labels: Labels, steps: readonly RelabelStep[]): Labels | null {
  let current: Labels | null = labels
  for (const step of steps) {
    current = step.apply(current)
    if (current === null) return null
  }
  return current
}

type Action = (labels: Labels) => Labels | null

function actionOf(config: Required<RelabelConfig>, regex: CapturingRegex): Action {
  const { sourceLabels, separator, targetLabel, replacement, modulus } = config
  const source = (labels: Labels): string => sourceLabels.map((name) => labels.get(name)).join(separator)
  const matches = (text: string): boolean => regex.match(text) !== null
  switch (config.action) {
    case 'replace':
      return (labels) => {
        const captures = regex.match(source(labels))
        if (captures === null) return labels
        const target = captures.expand(targetLabel)
        return isLabelName(target) ? labels.with(target, captures.expand(replacement)) : labels
      }
    case 'keep':
      return (labels) => (matches(source(labels)) ? labels : null)
    case 'drop':
      return (labels) => (matches(source(labels)) ? null : labels)
    case 'keepequal':
      return (labels) => (labels.get(targetLabel) === source(labels) ? labels : null)
    case 'dropequal':
      return (labels) => (labels.get(targetLabel) === source(labels) ? null : labels)
    case 'hashmod':
      return (labels) => labels.with(targetLabel, md5Low64Modulo(source(labels), modulus))
    case 'lowercase':
      return (labels) => labels.with(targetLabel, source(labels).toLowerCase())
    case 'uppercase':
      return (labels) => labels.with(targetLabel, source(labels).toUpperCase())
    case 'labeldrop':
      return (labels) => labels.filter((name) => !matches(name))
    case 'labelkeep':
      return (labels) => labels.filter(matches)
    case 'labelmap':
      return (labels) => mapped(labels, regex, replacement)
  }
}

/** Copies labels to the names that a match makes of theirs. Where two become one name, the later in order wins. */
function mapped(labels: Labels, regex: CapturingRegex, replacement: string): Labels {
  let changed: Map<string, string> | null = null
  for (const [name, value] of labels) {
    const captures = regex.match(name)
    if (captures === null) continue
    changed ??= new Map(labels)
    const target = captures.expand(replacement)
    if (isLabelName(target)) changed.set(target, value)
  }
  if (changed === null) return labels
  const pairs = [...changed].toSorted(([a], [b]) => compareStrings(a, b))
  return Labels.fromSorted(
    pairs.map(([name]) => name),
    pairs.map(([, value]) => value),
  )
}
