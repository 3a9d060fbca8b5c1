/**
 * Run: executes a script against stores that the caller makes, and says which evals hold.
 *
 * Each instant eval is checked three times over: as written, as the middle step of a range query, and with its selectors pinned by `@` and
 * evaluated at other times. An eval passes when all of these agree with what the script expects.
 */
import { TsinkError, type Histogram, type Labels, type QueryResult, type QueryValue, type Store } from '@tsink/core'
import {
  instantQuery,
  parseExpr,
  printExpr,
  rangeQuery,
  type Features,
  type QueryOptions,
  type SeriesDescription,
  type SeriesValue,
} from '@tsink/promql'
import { RE2JS } from 're2js'
import { histogramDifference, sameFloat } from './compare.ts'
import { describeSeries } from './describe.ts'
import { isPinnable, pin } from './invariance.ts'
import { load } from './load.ts'
import { parseScript, ScriptError, type EvalCommand, type Expectation, type Line } from './script.ts'

export interface ScriptOptions {
  /** Makes an empty store: called at the start and at each `clear`. */
  readonly createStore: () => Store | Promise<Store>
  /** Also run the consistency checks of instant evals. Default true. */
  readonly consistency?: boolean
  readonly maxSamples?: number
}

export interface ScriptFailure {
  /** The line of the eval, from 1. */
  readonly line: number
  readonly query: string
  readonly message: string
}

export interface ScriptReport {
  readonly passed: number
  readonly failed: number
  readonly failures: readonly ScriptFailure[]
}

/** Every feature of the language is on, as the official scripts assume. */
export const SCRIPT_FEATURES: Features = {
  experimentalFunctions: true,
  extendedRangeSelectors: true,
  fillModifiers: true,
  delayedNameRemoval: true,
  useStartTimestamps: true,
  typeAndUnitLabels: false,
}

const MINUTE = 60_000

/** @throws ScriptError when the script itself is wrong. */
export async function runScript(text: string, options: ScriptOptions): Promise<ScriptReport> {
  const commands = parseScript(text)
  for (const command of commands) if (command.type === 'eval') parseQuery(command)
  let store = await options.createStore()
  let passed = 0
  const failures: ScriptFailure[] = []
  for (const command of commands) {
    if (command.type === 'clear') {
      await store.close()
      store = await options.createStore()
    } else if (command.type === 'load') await load(command, store)
    else {
      const message = await checkEval(command, store, options)
      if (message === null) passed++
      else failures.push({ line: command.line, query: command.query, message })
    }
  }
  await store.close()
  return { passed, failed: failures.length, failures }
}

function parseQuery(command: EvalCommand): ReturnType<typeof parseExpr> {
  try {
    return parseExpr(command.query, SCRIPT_FEATURES)
  } catch (cause) {
    throw new ScriptError(command.line, cause instanceof Error ? cause.message : String(cause))
  }
}

/** What does not hold, or null. */
async function checkEval(command: EvalCommand, store: Store, options: ScriptOptions): Promise<string | null> {
  const query: QueryOptions = { store, features: SCRIPT_FEATURES, maxSamples: options.maxSamples ?? 10_000_000 }
  if (command.range !== null)
    return await outcome(
      command,
      () => rangeQuery(command.query, command.range!, query),
      (value) => matrixDifference(command, value),
    )
  const problem = await checkInstant(command, command.query, command.timeMs, query)
  if (problem !== null || options.consistency === false) return problem
  const expr = parseExpr(command.query, SCRIPT_FEATURES)
  const middle = await checkAsStep(command, command.query, command.timeMs, query)
  if (middle !== null) return `as the middle step of a range query: ${middle}`
  if (command.grid !== null || !isPinnable(expr)) return null
  const t = command.timeMs
  const pinned = printExpr(pin(expr, t))
  for (const time of t === 0 ? [-1_000, 0, 1_000] : [-10 * t, 0, Math.trunc(t / 5), t, 10 * t]) {
    const again = (await checkInstant(command, pinned, time, query)) ?? (await checkAsStep(command, pinned, time, query))
    if (again !== null) return `pinned as ${pinned} and evaluated at ${time} ms: ${again}`
  }
  return null
}

function checkInstant(command: EvalCommand, text: string, timeMs: number, query: QueryOptions): Promise<string | null> {
  return outcome(
    command,
    () => instantQuery(text, timeMs, query),
    (value) => instantDifference(command, value),
  )
}

async function checkAsStep(command: EvalCommand, text: string, timeMs: number, query: QueryOptions): Promise<string | null> {
  if (command.string !== null || command.grid !== null) return null
  if (/\b(start|end|range|step)\s*\(\s*\)/.test(command.query)) return null
  const range = { startMs: timeMs - MINUTE, endMs: timeMs + MINUTE, stepMs: MINUTE }
  const fails = command.expectations.some((expectation) => expectation.type === 'fail')
  const ordered = command.expectations.some((expectation) => expectation.type === 'ordered')
  let result: QueryResult
  try {
    result = await rangeQuery(text, range, query)
  } catch (error) {
    return fails ? null : describeError(error)
  }
  // A failure may come from one step alone, and annotations may come from its neighbours: only the points are compared.
  if (fails || ordered) return null
  return instantDifference(command, stepOf(result.value, timeMs))
}

/** The points of a matrix at one time, as an instant vector. */
function stepOf(value: QueryValue, timeMs: number): QueryValue {
  if (value.type !== 'matrix') return value
  const samples = []
  for (const series of value.series) {
    const at = series.timestamps.indexOf(timeMs)
    if (at < 0) continue
    samples.push({ labels: series.labels, timestamp: timeMs, value: series.values[at]!, histogram: series.histograms?.[at] ?? null })
  }
  return { type: 'vector', samples }
}

async function outcome(
  command: EvalCommand,
  evaluate: () => Promise<QueryResult>,
  difference: (value: QueryValue) => string | null,
): Promise<string | null> {
  const fails = command.expectations.filter((expectation) => expectation.type === 'fail')
  let result: QueryResult
  try {
    result = await evaluate()
  } catch (error) {
    if (fails.length === 0) return describeError(error)
    const message = error instanceof Error ? error.message : String(error)
    return fails.every((expectation) => matches(expectation, message)) ? null : `failed with another message: ${message}`
  }
  if (fails.length > 0) return 'expected a failure, got a result'
  return (
    annotationProblem('warn', result.warnings, command.expectations) ??
    annotationProblem('info', result.infos, command.expectations) ??
    difference(result.value)
  )
}

function annotationProblem(level: 'warn' | 'info', actual: readonly string[], expectations: readonly Expectation[]): string | null {
  if (actual.length > 0 && expectations.some((expectation) => expectation.type === `no_${level}`))
    return `unexpected ${level}: ${actual.join(' | ')}`
  const wanted = expectations.filter((expectation) => expectation.type === level)
  if (wanted.length === 0) return null
  for (const want of wanted)
    if (!actual.some((text) => matches(want, text)))
      return `no ${level} like ${want.match?.text ?? 'any'}; got ${actual.join(' | ') || 'none'}`
  const extra = actual.find((text) => !wanted.some((want) => matches(want, text)))
  return extra === undefined ? null : `unexpected ${level}: ${extra}`
}

function matches(expectation: Expectation, text: string): boolean {
  if (expectation.match === null) return true
  if (expectation.match.kind === 'msg') return text.trim() === expectation.match.text
  return RE2JS.compile(expectation.match.text).matcher(text).find()
}

function expectedSeries(lines: readonly Line[]): readonly SeriesDescription[] {
  return lines.map((line) => describeSeries(line))
}

function instantDifference(command: EvalCommand, value: QueryValue): string | null {
  if (command.string !== null) {
    if (value.type !== 'string') return `expected a string, got ${value.type}`
    return value.value === command.string ? null : `string is ${JSON.stringify(value.value)}, not ${JSON.stringify(command.string)}`
  }
  if (command.grid !== null) return gridDifference(command, command.grid, value)
  const scalar = command.series.length === 1 ? scalarOf(command.series[0]!.text) : null
  if (scalar !== null) {
    const single = value.type === 'vector' && value.samples.length === 1 && value.samples[0]!.labels.size === 0 ? value.samples[0]! : null
    const got = value.type === 'scalar' ? value.value : single?.value
    if (got === undefined) return `expected a scalar, got ${value.type}`
    return sameFloat(got, scalar) ? null : `scalar is ${got}, not ${scalar}`
  }
  if (value.type !== 'vector') return `expected a vector, got ${value.type}`
  const ordered = command.expectations.some((expectation) => expectation.type === 'ordered')
  const expected = expectedSeries(command.series)
  const got = new Map<string, number>()
  for (const [i, sample] of value.samples.entries()) {
    if (got.has(sample.labels.key())) return `${sample.labels.toString()} comes twice`
    got.set(sample.labels.key(), i)
  }
  for (const [i, want] of expected.entries()) {
    const at = got.get(want.labels.key())
    if (at === undefined) return `${want.labels.toString()} is missing; got ${listed(value.samples.map((sample) => sample.labels))}`
    if (ordered && at !== i) return `${want.labels.toString()} comes at place ${at}, not ${i}`
    got.delete(want.labels.key())
    const sample = value.samples[at]!
    const difference =
      want.values.length === 1 ? valueDifference(sample.value, sample.histogram, want.values[0]!) : 'an instant eval expects one value'
    if (difference !== null) return `${want.labels.toString()}: ${difference}`
  }
  const extra = [...got.values()].map((at) => value.samples[at]!.labels)
  return extra.length === 0 ? null : `unexpected ${listed(extra)}`
}

function gridDifference(command: EvalCommand, grid: NonNullable<EvalCommand['grid']>, value: QueryValue): string | null {
  return seriesDifference(command, value, grid.startMs, grid.endMs, grid.stepMs, false)
}

function matrixDifference(command: EvalCommand, value: QueryValue): string | null {
  const { startMs, endMs, stepMs } = command.range!
  return seriesDifference(command, value, startMs, endMs, stepMs, true)
}

function seriesDifference(
  command: EvalCommand,
  value: QueryValue,
  startMs: number,
  endMs: number,
  stepMs: number,
  sorted: boolean,
): string | null {
  if (value.type !== 'matrix') return `expected a range vector, got ${value.type}`
  const got = new Map(value.series.map((series) => [series.labels.key(), series]))
  if (got.size !== value.series.length) return 'a label set comes twice'
  for (let i = 1; sorted && i < value.series.length; i++) {
    if (value.series[i - 1]!.labels.compare(value.series[i]!.labels) >= 0)
      return `series are not sorted at ${value.series[i]!.labels.toString()}`
  }
  for (const want of expectedSeries(command.series)) {
    const series = got.get(want.labels.key())
    const points = want.values.flatMap((point, i) => (point.type === 'omitted' ? [] : [{ point, time: startMs + i * stepMs }]))
    if (want.values.length > Math.floor((endMs - startMs) / stepMs) + 1)
      throw new ScriptError(command.line, `${want.labels.toString()} has more values than steps`)
    if (series === undefined) {
      if (points.length === 0) continue
      return `${want.labels.toString()} is missing; got ${listed(value.series.map((s) => s.labels))}`
    }
    got.delete(want.labels.key())
    if (series.timestamps.length !== points.length) {
      return `${want.labels.toString()} has points at ${[...series.timestamps].join(' ')}, not at ${points.map(({ time }) => time).join(' ')} (values ${[...series.values].join(' ')})`
    }
    for (const [i, { point, time }] of points.entries()) {
      if (series.timestamps[i] !== time) return `${want.labels.toString()} has a point at ${series.timestamps[i]}, not at ${time}`
      const difference = valueDifference(series.values[i]!, series.histograms?.[i] ?? null, point)
      if (difference !== null) return `${want.labels.toString()} at ${time} ms: ${difference}`
    }
  }
  return got.size === 0 ? null : `unexpected ${listed([...got.values()].map((series) => series.labels))}`
}

function valueDifference(value: number, histogram: Histogram | null, want: SeriesValue): string | null {
  switch (want.type) {
    case 'omitted':
      return 'a value is expected to be absent'
    case 'histogram':
      return histogram === null
        ? `value is the float ${value}, not a histogram`
        : histogramDifference(histogram, want.histogram, want.hintGiven)
    case 'stale':
      return 'a result cannot be stale'
    case 'float':
      if (histogram !== null) return `value is a histogram, not ${want.value}`
      return sameFloat(value, want.value) ? null : `value is ${value}, not ${want.value}`
  }
}

function scalarOf(text: string): number | null {
  if (/^[+-]?0x[0-9a-f]+$/i.test(text)) return text.startsWith('-') ? -Number(text.slice(1)) : Number(text.replace('+', ''))
  const named = /^([+-]?)(inf|nan)$/i.exec(text)
  if (named !== null) return named[2]!.toLowerCase() === 'nan' ? NaN : named[1] === '-' ? -Infinity : Infinity
  return /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text.replaceAll('_', '')) : null
}

function listed(labels: readonly Labels[]): string {
  const shown = labels.slice(0, 5).map((l) => l.toString())
  return labels.length === 0 ? 'nothing' : shown.join(', ') + (labels.length > 5 ? ` and ${labels.length - 5} more` : '')
}

function describeError(error: unknown): string {
  if (error instanceof TsinkError) return `failed with ${error.code}: ${error.message}`
  return `failed with ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
}
