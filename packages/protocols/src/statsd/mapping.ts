/**
 * Mapping: rules that turn dotted names into names and labels, and say how what they match is stored, as statsd_exporter's mapping files do.
 *
 *     web.*.requests  ▸  name web_requests, labels {site: $1}
 *
 * Rules with a glob come before those with a regular expression, each in their order. Globs share a tree of their parts, so a name is looked up
 * once, however many rules there are.
 */
import { compileCapturing, TsinkError, type CapturingRegex } from '@tsink/core'
import type { StatsdEvent } from './decode.ts'
import { STATSD_LIMITS } from './limits.ts'

export type StatsdMetricType = 'counter' | 'gauge' | 'observer'

/** How observations (timers, histograms, distributions) are stored. */
export interface StatsdObserving {
  readonly observerType: 'summary' | 'histogram'
  readonly quantiles: readonly number[]
  /** Upper bounds, ascending, without +Inf. */
  readonly buckets: readonly number[]
  /** How long a series may be quiet before it ends; null: as all others. */
  readonly ttlMs: number | null
}

/** One rule; what is left out comes from the defaults. */
export interface StatsdRule extends Partial<StatsdObserving> {
  readonly match: string
  readonly matchType?: 'glob' | 'regex'
  /** Only names of this type; all when left out. */
  readonly matchMetricType?: StatsdMetricType
  /** A template such as `${1}_total`. */
  readonly name?: string
  /** Templates by label. */
  readonly labels?: Readonly<Record<string, string>>
  readonly action?: 'map' | 'drop'
  /** What values are multiplied by. */
  readonly scale?: number
  /** Tags of an event come before labels of the rule. */
  readonly honorLabels?: boolean
}

export interface StatsdMapping {
  readonly defaults: Partial<StatsdObserving> & { readonly matchType?: 'glob' | 'regex' }
  /** Of several globs that match not the first wins, but the one with the more literal parts, from the left. */
  readonly globDisableOrdering: boolean
  readonly rules: readonly StatsdRule[]
}

/** What becomes of a name. */
export interface StatsdMapped extends StatsdObserving {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly scale: number
  readonly honorLabels: boolean
}

const DEFAULTS: StatsdObserving = {
  observerType: 'summary',
  quantiles: [0.5, 0.9, 0.95, 0.99],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  ttlMs: null,
}

const GLOB = /^(?:\*|[a-zA-Z0-9_][a-zA-Z0-9_-]*)(?:\.(?:\*|[a-zA-Z0-9_-]+))*$/
const NAME_TEMPLATE = /^(?:[a-zA-Z_]|\$\{?\d+\}?)(?:[a-zA-Z0-9_]|\$\{?\d+\}?)*$/
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/
/** Names whose rule is remembered; senders repeat themselves. */
const REMEMBERED = 10_000

export class StatsdMapper {
  /** How names that no rule matches are stored. */
  readonly unmapped: StatsdObserving
  readonly #trees: Readonly<Record<StatsdMetricType, GlobNode>>
  readonly #isOrdered: boolean
  readonly #rules: readonly Compiled[]
  readonly #known = new Map<string, StatsdMapped | 'drop' | null>()

  /** @throws TsinkError BAD_CONFIG that names the rule; `detail.rule` is its index and `detail.field` what is wrong there. */
  constructor({ defaults, globDisableOrdering, rules }: StatsdMapping) {
    if (rules.length > STATSD_LIMITS.rules)
      throw new TsinkError('BAD_CONFIG', `${rules.length} rules; at most ${STATSD_LIMITS.rules} are taken`)
    const { matchType = 'glob', ...observing } = defaults
    this.unmapped = { ...DEFAULTS, ...observing }
    this.#isOrdered = !globDisableOrdering
    this.#trees = { counter: new GlobNode(), gauge: new GlobNode(), observer: new GlobNode() }
    this.#rules = rules.map((rule, index) => compile({ matchType, ...rule }, index, this.unmapped))
    for (const [index, { rule, regex }] of this.#rules.entries()) {
      if (regex !== null) continue
      const types: readonly StatsdMetricType[] =
        rule.matchMetricType === undefined ? ['counter', 'gauge', 'observer'] : [rule.matchMetricType]
      for (const type of types) this.#trees[type].add(rule.match.split('.'), index)
    }
  }

  /** What the rules make of a name: null when none matches. */
  map(name: string, type: StatsdMetricType): StatsdMapped | 'drop' | null {
    const key = `${type} ${name}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const mapped = this.#globbed(name, type) ?? this.#matched(name, type)
    if (this.#known.size >= REMEMBERED) this.#known.clear()
    this.#known.set(key, mapped)
    return mapped
  }

  #globbed(name: string, type: StatsdMetricType): StatsdMapped | 'drop' | null {
    const parts = name.split('.')
    const found = this.#trees[type].find(parts, this.#isOrdered)
    if (found < 0) return null
    const rule = this.#rules[found]!
    const stars = rule.rule.match.split('.').flatMap((part, i) => (part === '*' ? [parts[i]!] : []))
    return rule.fill((template) => fillGlob(template, stars))
  }

  #matched(name: string, type: StatsdMetricType): StatsdMapped | 'drop' | null {
    for (const { rule, regex, fill } of this.#rules) {
      if (regex === null || (rule.matchMetricType !== undefined && rule.matchMetricType !== type)) continue
      const captures = regex.match(name)
      if (captures !== null) return fill((template) => captures.expand(template))
    }
    return null
  }
}

/** The type of an event as rules name it. */
export function statsdMetricType(event: StatsdEvent): StatsdMetricType {
  return event.type === 'set' ? 'gauge' : event.type
}

interface Compiled {
  readonly rule: StatsdRule
  /** Null for globs. */
  readonly regex: CapturingRegex | null
  readonly fill: (expand: (template: string) => string) => StatsdMapped | 'drop'
}

function compile(rule: StatsdRule, index: number, defaults: StatsdObserving): Compiled {
  const refuse = (field: string, problem: string): TsinkError =>
    new TsinkError('BAD_CONFIG', `the rule for ${JSON.stringify(rule.match)}: ${problem}`, { detail: { rule: index, field } })
  const { name = '', labels = {}, scale = 1, honorLabels = false } = rule
  if (rule.matchType !== 'regex' && !GLOB.test(rule.match)) throw refuse('match', 'it is no glob such as web.*.requests')
  if (rule.action !== 'drop') {
    if (name === '') throw refuse('name', 'it has no name')
    if (!NAME_TEMPLATE.test(name)) throw refuse('name', `${JSON.stringify(name)} is no name of a metric`)
  }
  for (const label of Object.keys(labels)) {
    if (!LABEL_NAME.test(label)) throw refuse('labels', `${JSON.stringify(label)} is no name of a label`)
  }
  if (rule.quantiles?.some((quantile) => !(quantile >= 0 && quantile <= 1)) === true)
    throw refuse('quantiles', 'quantiles lie between 0 and 1')
  if (rule.buckets?.some((bound, i, all) => i > 0 && bound <= all[i - 1]!) === true)
    throw refuse('buckets', 'bounds of buckets must ascend')
  const observing: StatsdObserving = {
    observerType: rule.observerType ?? defaults.observerType,
    quantiles: rule.quantiles ?? defaults.quantiles,
    buckets: rule.buckets ?? defaults.buckets,
    ttlMs: rule.ttlMs ?? defaults.ttlMs,
  }
  return {
    rule,
    regex: rule.matchType === 'regex' ? compileSearch(rule.match) : null,
    fill: (expand) => {
      if (rule.action === 'drop') return 'drop'
      const filled = Object.fromEntries(Object.entries(labels).map(([label, template]) => [label, expand(template)]))
      return { ...observing, name: expand(name), labels: filled, scale, honorLabels }
    },
  }
}

/** An expression that may match anywhere in a text: what stands before it is as short as can be, so that the first match counts. */
function compileSearch(source: string): CapturingRegex {
  // By itself first, so that a message shows what was written, and no bracket closes ours.
  compileCapturing(source)
  return compileCapturing(`.*?(?-s:${source}).*`)
}

/** `$1`, `${1}`: what the first star stood for. What is no number of a star gives nothing. */
function fillGlob(template: string, stars: readonly string[]): string {
  return template.replace(/\$\{?([a-zA-Z0-9_$]+)\}?/g, (_, reference: string) =>
    /^\d+$/.test(reference) ? (stars[Number(reference) - 1] ?? '') : '',
  )
}

/** Globs by their parts. A node is as deep as the part that it stands for, so a lookup visits each at most once. */
class GlobNode {
  readonly #literals = new Map<string, GlobNode>()
  #star: GlobNode | null = null
  /** The first rule that ends here. */
  #rule = -1

  add(parts: readonly string[], rule: number): void {
    // oxlint-disable-next-line typescript/no-this-alias
    let node: GlobNode = this
    for (const part of parts) {
      if (part === '*') node = node.#star ??= new GlobNode()
      else {
        let next = node.#literals.get(part)
        if (next === undefined) node.#literals.set(part, (next = new GlobNode()))
        node = next
      }
    }
    if (node.#rule < 0) node.#rule = rule
  }

  /** The rule for a name, or -1: the first in the order of rules, or else the first that is found when literal parts are tried before stars. */
  find(parts: readonly string[], isOrdered: boolean, at = 0): number {
    if (at === parts.length) return this.#rule
    const literal = this.#literals.get(parts[at]!)?.find(parts, isOrdered, at + 1) ?? -1
    if (literal >= 0 && !isOrdered) return literal
    const star = this.#star?.find(parts, isOrdered, at + 1) ?? -1
    return literal < 0 || (star >= 0 && star < literal) ? star : literal
  }
}
