/**
 * Explain and analyze: a plan as a tree of what each operator does, with what it took where that was measured; as data and as text.
 */
import type { Execution } from './evaluate/execution.ts'
import { inputs, type Plan, type RangeSource, type Selector } from './plan.ts'
import { printExpr } from './printer.ts'
import { printDuration } from './durations.ts'

/** One operator of a plan. */
export interface Explained {
  /** What it does, in a few words: `window rate`, `aggregate sum`. */
  readonly operator: string
  /** What it works on: matchers, times, labels. */
  readonly detail: string
  /** The part of the query that it computes. */
  readonly query: string
  readonly inputs: readonly Explained[]
}

/** One operator with what it took. */
export interface Analysis extends Explained {
  /** Time in this operator and all below it; 0 where several share one run. */
  readonly timeMs: number
  /** Series and samples given to the operator above. */
  readonly series: number
  readonly samples: number
  /** Samples read from the store. */
  readonly samplesRead: number
  /** Chunks that the store decoded for them, with their bytes; chunks of the same series that it passed over. 0 where it keeps none. */
  readonly chunksDecoded: number
  readonly bytesDecoded: number
  readonly chunksSkipped: number
  readonly inputs: readonly Analysis[]
}

/** The tree of a plan. */
export function explainPlan(plan: Plan): Explained {
  return { ...describe(plan), inputs: inputs(plan).map(explainPlan) }
}

/** The tree of a plan that has run. */
export function analysisOf(plan: Plan, execution: Execution): Analysis {
  const measure = execution.measures.get(plan.id)
  return {
    ...describe(plan),
    timeMs: measure?.timeMs ?? 0,
    series: measure?.series ?? 0,
    samples: measure?.samples ?? 0,
    samplesRead: measure?.read ?? 0,
    chunksDecoded: measure?.tally.chunksDecoded ?? 0,
    bytesDecoded: measure?.tally.bytesDecoded ?? 0,
    chunksSkipped: measure?.tally.chunksSkipped ?? 0,
    inputs: inputs(plan).map((input) => analysisOf(input, execution)),
  }
}

/** A tree as text, one operator a line, inputs indented. Measurements follow where there are any. */
export function printExplained(tree: Explained | Analysis, depth = 0): string {
  const taken = 'timeMs' in tree ? `  [${printTaken(tree)}]` : ''
  const detail = tree.detail === '' ? '' : ` ${tree.detail}`
  const lines = [`${'  '.repeat(depth)}${tree.operator}${detail}${taken}`]
  for (const input of tree.inputs) lines.push(printExplained(input, depth + 1))
  return lines.join('\n')
}

function printTaken(node: Analysis): string {
  const { timeMs, series, samples, samplesRead, chunksDecoded, bytesDecoded, chunksSkipped } = node
  const taken = `${timeMs.toFixed(2)} ms, ${series} series, ${samples} samples, ${samplesRead} read`
  if (chunksDecoded + chunksSkipped === 0) return taken
  return `${taken} from ${chunksDecoded} chunks of ${bytesDecoded} bytes, ${chunksSkipped} chunks skipped`
}

function describe(plan: Plan): { operator: string; detail: string; query: string } {
  const query = printExpr(plan.expr)
  const plain = (operator: string, detail = ''): { operator: string; detail: string; query: string } => ({ operator, detail, query })
  switch (plan.kind) {
    case 'select':
      return plain(plan.mode === 'value' ? 'select' : `select ${plan.mode}`, describeSelector(plan.selector))
    case 'window':
      return plain(`window ${plan.func}`, describeSource(plan.source))
    case 'matrix':
      return plain('samples', describeSource(plan.source))
    case 'map':
    case 'histogram':
    case 'sort':
    case 'relabel':
      return plain(plan.func)
    case 'aggregate': {
      const labels = plan.grouping.join(', ')
      return plain(`aggregate ${plan.op}`, plan.without ? `without (${labels})` : labels === '' ? '' : `by (${labels})`)
    }
    case 'vector-scalar':
      return plain(`each ${plan.op}`, plan.bool ? 'bool' : '')
    case 'vectors':
      return plain(
        `match ${plan.op}`,
        `${plan.matching.cardinality} ${plan.matching.on ? 'on' : 'ignoring'} (${plan.matching.labels.join(', ')})`,
      )
    case 'set':
      return plain(`set ${plan.op}`, `${plan.matching.on ? 'on' : 'ignoring'} (${plan.matching.labels.join(', ')})`)
    case 'invariant':
      return plain('once', 'the same at every step')
    case 'shared':
      return plain('shared', `${plan.uses} times in the query`)
    case 'number':
      return plain('number', String(plan.value))
    case 'clock':
      return plain(plan.func)
    case 'scalars':
      return plain(`scalars ${plan.op}`)
    case 'lower':
      return plain('scalar')
    case 'lift':
      return plain('vector')
    case 'string':
      return plain('string', JSON.stringify(plan.value))
    case 'info':
      return plain('info', `{${plan.matchers.map(String).join(', ')}}`)
    case 'absent':
      return plain('absent')
  }
}

function describeSelector(selector: Selector): string {
  return `{${selector.matchers.map(String).join(', ')}}${describeTime(selector.atMs, selector.offsetMs)}`
}

function describeSource({ input, rangeMs }: RangeSource): string {
  if (input.kind === 'subquery') {
    return `[${printDuration(rangeMs)}:${printDuration(input.stepMs)}]${describeTime(input.atMs, input.offsetMs)}`
  }
  const extended = input.extended === 'none' ? '' : ` ${input.extended}`
  return `${describeSelector(input.selector)}[${printDuration(rangeMs)}]${extended}`
}

function describeTime(atMs: number | null, offsetMs: number): string {
  const at = atMs === null ? '' : ` @ ${atMs / 1_000}`
  if (offsetMs === 0) return at
  return `${at} offset ${offsetMs < 0 ? '-' : ''}${printDuration(Math.abs(offsetMs))}`
}
