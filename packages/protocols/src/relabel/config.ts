/**
 * Relabelling steps as people configure them, with Prometheus's names, defaults and rules about what goes together.
 */
import { TsinkError } from '@tsink/core'

/** What a step does. */
export const RELABEL_ACTIONS = [
  'replace',
  'keep',
  'drop',
  'keepequal',
  'dropequal',
  'hashmod',
  'labelmap',
  'labeldrop',
  'labelkeep',
  'lowercase',
  'uppercase',
] as const

export type RelabelAction = (typeof RELABEL_ACTIONS)[number]

/** One step. What is left out has the value of {@link RELABEL_DEFAULTS}. */
export interface RelabelConfig {
  readonly action?: RelabelAction
  /** The labels whose values, joined by `separator`, are looked at. */
  readonly sourceLabels?: readonly string[]
  readonly separator?: string
  /** RE2 syntax, anchored at both ends. */
  readonly regex?: string
  /** For `hashmod`: an integer of at least 1. */
  readonly modulus?: number
  readonly targetLabel?: string
  /** What `replace` and `labelmap` make of a match; `$1` is the first group. */
  readonly replacement?: string
}

export const RELABEL_DEFAULTS: Required<RelabelConfig> = {
  action: 'replace',
  sourceLabels: [],
  separator: ';',
  regex: '(.*)',
  modulus: 0,
  targetLabel: '',
  replacement: '$1',
}

/**
 * The step with its defaults.
 * @throws TsinkError BAD_CONFIG when its parts do not go together; `detail.field` names the one at fault.
 */
export function completeRelabelConfig(config: RelabelConfig): Required<RelabelConfig> {
  const full = { ...RELABEL_DEFAULTS, ...config }
  const { action, modulus, targetLabel, replacement } = full
  if (!RELABEL_ACTIONS.includes(action)) throw wrong('action', `unknown relabel action ${JSON.stringify(action)}`)
  for (const name of full.sourceLabels)
    if (!isLabelName(name)) throw wrong('sourceLabels', `${JSON.stringify(name)} is not a valid label name`)
  if (!Number.isSafeInteger(modulus) || modulus < 0) throw wrong('modulus', `the modulus must be a whole number, not ${modulus}`)
  if (action === 'hashmod' && modulus === 0) throw wrong('modulus', 'relabel configuration for hashmod requires non-zero modulus')
  if (WITH_TARGET.includes(action) && targetLabel === '') {
    throw wrong('targetLabel', `relabel configuration for ${action} action requires 'target_label' value`)
  }
  const isTemplate = action === 'replace' && targetLabel.includes('$')
  if (targetLabel !== '' && !isTemplate && !isLabelName(targetLabel)) {
    throw wrong('targetLabel', `${JSON.stringify(targetLabel)} is invalid 'target_label' for ${action} action`)
  }
  if (!WITH_REPLACEMENT.includes(action) && replacement !== RELABEL_DEFAULTS.replacement) {
    throw wrong('replacement', `'replacement' can not be set for ${action} action`)
  }
  if (action === 'labelmap' && !isLabelName(replacement)) {
    throw wrong('replacement', `${JSON.stringify(replacement)} is invalid 'replacement' for labelmap action`)
  }
  const allowed = ONLY[action]
  if (allowed !== undefined) {
    for (const field of Object.keys(RELABEL_DEFAULTS) as (keyof RelabelConfig)[]) {
      if (field === 'action' || allowed.fields.includes(field) || same(full[field], RELABEL_DEFAULTS[field])) continue
      throw wrong(field, `${action} action requires only ${allowed.words}, and no other fields`)
    }
  }
  return full
}

/** Any whole Unicode text is a label name. */
export function isLabelName(name: string): boolean {
  return name !== '' && name.isWellFormed()
}

const WITH_TARGET: readonly RelabelAction[] = ['replace', 'keepequal', 'dropequal', 'hashmod', 'lowercase', 'uppercase']
const WITH_REPLACEMENT: readonly RelabelAction[] = ['replace', 'labelmap', 'keep', 'drop', 'hashmod']

interface Fields {
  readonly fields: readonly (keyof RelabelConfig)[]
  readonly words: string
}

const EQUAL: Fields = { fields: ['sourceLabels', 'targetLabel'], words: "'source_labels' and `target_label`" }
const NAMES: Fields = { fields: ['regex'], words: "'regex'" }
const ONLY: Partial<Record<RelabelAction, Fields>> = { keepequal: EQUAL, dropequal: EQUAL, labeldrop: NAMES, labelkeep: NAMES }

function same(a: unknown, b: unknown): boolean {
  return a === b || (Array.isArray(a) && a.length === 0 && Array.isArray(b))
}

function wrong(field: keyof RelabelConfig, message: string): TsinkError {
  return new TsinkError('BAD_CONFIG', message, { detail: { field } })
}
