/**
 * Annotations: what the evaluator wants a query's author to know without failing. A warning says that a part of the answer is missing or
 * doubtful, an info that something is probably not meant. Each stands at the expression that caused it; of equal texts only the last place is kept.
 */
import type { Position } from './ast.ts'
import { printShortest } from './numbers.ts'
import { lineColumn } from './source.ts'
import { quote } from './strings.ts'

/** A decrease of cumulative bucket counts that was straightened; reports on one metric are added up. */
interface Straightened {
  readonly metric: string
  position: Position
  lowest: number
  highest: number
  largest: number
  fromMs: number
  toMs: number
  /** How many reports came at each step, and of how many steps. */
  readonly reports: Map<number, number>
  steps: number
}

/** What was straightened at one step; see {@link Annotations.straightened}. */
export interface Straightening {
  readonly metric: string
  readonly lowest: number
  readonly highest: number
  readonly largest: number
  readonly timeMs: number
  readonly step: number
  readonly steps: number
}

/** Annotations of one part of a query, to be repeated elsewhere. */
export interface Captured {
  readonly calls: Map<string, (annotations: Annotations, shift: number) => void>
}

export class Annotations {
  readonly #text: string
  readonly #captures = new Set<Captured>()
  readonly #warnings = new Map<string, Position>()
  readonly #infos = new Map<string, Position>()
  readonly #straightened = new Map<string, Straightened>()

  /** `text` is the query, for lines and columns; '' leaves them out. */
  constructor(text: string) {
    this.#text = text
  }

  /** Records what is added from now on until {@link release}. */
  capture(): Captured {
    const captured: Captured = { calls: new Map() }
    this.#captures.add(captured)
    return captured
  }

  release(captured: Captured): void {
    this.#captures.delete(captured)
  }

  /** Adds everything that was recorded once more, `shift` bytes further on in the text. */
  repeat(captured: Captured, shift: number): void {
    for (const call of captured.calls.values()) call(this, shift)
  }

  warn(message: string, at: Position): void {
    for (const { calls } of this.#captures) {
      calls.set(`w${message}${at.start}`, (annotations, shift) => annotations.warn(message, moved(at, shift)))
    }
    keepLast(this.#warnings, message, at)
  }

  info(message: string, at: Position): void {
    for (const { calls } of this.#captures) {
      calls.set(`i${message}${at.start}`, (annotations, shift) => annotations.info(message, moved(at, shift)))
    }
    keepLast(this.#infos, message, at)
  }

  /** Classic buckets of a metric had decreasing counts between two bounds, by at most `largest`. */
  straightened(at: Position, found: Straightening): void {
    for (const { calls } of this.#captures) {
      calls.set(`s${at.start} ${calls.size}`, (annotations, shift) => annotations.straightened(moved(at, shift), found))
    }
    const { metric, lowest, highest, largest, timeMs, step, steps } = found
    let known = this.#straightened.get(metric)
    if (known === undefined) {
      known = { metric, position: at, lowest, highest, largest, fromMs: timeMs, toMs: timeMs, reports: new Map(), steps }
      this.#straightened.set(metric, known)
    }
    if (at.start >= known.position.start) known.position = at
    known.lowest = Math.min(known.lowest, lowest)
    known.highest = Math.max(known.highest, highest)
    known.largest = Math.max(known.largest, largest)
    known.fromMs = Math.min(known.fromMs, timeMs)
    known.toMs = Math.max(known.toMs, timeMs)
    known.steps = Math.max(known.steps, steps)
    known.reports.set(step, (known.reports.get(step) ?? 0) + 1)
  }

  warnings(): string[] {
    return [...this.#warnings].map(([message, at]) => `PromQL warning: ${message}${this.#place(at)}`)
  }

  infos(): string[] {
    const infos = [...this.#infos].map(([message, at]) => `PromQL info: ${message}${this.#place(at)}`)
    for (const s of this.#straightened.values()) {
      infos.push(
        'PromQL info: input to histogram_quantile needed to be fixed for monotonicity ' +
          `(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)${forMetric(s.metric)}, ` +
          `from buckets ${printShortest(s.lowest)} to ${printShortest(s.highest)}, with a max diff of ${printShortest(s.largest)}, ` +
          `over ${reported(s)} samples from ${instant(s.fromMs)} to ${instant(s.toMs)}${this.#place(s.position)}`,
      )
    }
    return infos
  }

  #place(at: Position): string {
    if (this.#text === '') return ''
    const { line, column } = lineColumn(this.#text, at.start)
    return ` (${line}:${column})`
  }
}

/**
 * The number of samples as Prometheus reports it. From the second step on it adds the annotations of all steps so far to themselves, so
 * the number doubles with every further step, within 64 bits. Texts are to be the same, so we count the same way.
 */
function reported({ reports, steps }: Straightened): bigint {
  let count = 0n
  let started = false
  for (let step = 0; step < steps; step++) {
    count += BigInt(reports.get(step) ?? 0)
    if (started) count = BigInt.asIntN(64, count * 2n)
    started ||= count > 0n
  }
  return count
}

/** The last place in the text: the reference keeps the last one that it meets, and it evaluates from left to right. */
function keepLast(places: Map<string, Position>, message: string, at: Position): void {
  const known = places.get(message)
  if (known === undefined || at.start >= known.start) places.set(message, at)
}

function moved(at: Position, shift: number): Position {
  return { start: at.start + shift, end: at.end + shift }
}

/** A metric name to end an annotation with: ` for metric name "x"`, or nothing where there is none. */
export function forMetric(name: string): string {
  return name === '' ? '' : ` for metric name ${quote(name)}`
}

/** RFC 3339 with seconds, in UTC. */
function instant(ms: number): string {
  return new Date(Math.floor(ms / 1_000) * 1_000).toISOString().replace('.000Z', 'Z')
}
