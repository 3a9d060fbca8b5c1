/**
 * Annotations: what the evaluator wants a query's author to know without failing. A warning says that a part of the answer is missing or
 * doubtful, an info that something is probably not meant. Each stands at the expression that caused it; equal ones at one place count once.
 */
import type { Position } from './ast.ts'
import { printShortest } from './numbers.ts'
import { lineColumn } from './source.ts'
import { quote } from './strings.ts'

/** A decrease of cumulative bucket counts that was straightened; reports on one place are added up. */
interface Straightened {
  readonly metric: string
  readonly position: Position
  lowest: number
  highest: number
  largest: number
  samples: number
  fromMs: number
  toMs: number
}

/** Annotations of one part of a query, to be repeated elsewhere. */
export interface Captured {
  readonly calls: ((annotations: Annotations, shift: number) => void)[]
}

export class Annotations {
  readonly #text: string
  readonly #captures = new Set<Captured>()
  readonly #warnings = new Set<string>()
  readonly #infos = new Set<string>()
  readonly #straightened = new Map<string, Straightened>()

  /** `text` is the query, for lines and columns; '' leaves them out. */
  constructor(text: string) {
    this.#text = text
  }

  /** Records what is added from now on until {@link release}. */
  capture(): Captured {
    const captured: Captured = { calls: [] }
    this.#captures.add(captured)
    return captured
  }

  release(captured: Captured): void {
    this.#captures.delete(captured)
  }

  /** Adds everything that was recorded once more, `shift` bytes further on in the text. */
  repeat(captured: Captured, shift: number): void {
    for (const call of captured.calls) call(this, shift)
  }

  warn(message: string, at: Position): void {
    for (const { calls } of this.#captures) calls.push((annotations, shift) => annotations.warn(message, moved(at, shift)))
    this.#warnings.add(`PromQL warning: ${message}${this.#place(at)}`)
  }

  info(message: string, at: Position): void {
    for (const { calls } of this.#captures) calls.push((annotations, shift) => annotations.info(message, moved(at, shift)))
    this.#infos.add(`PromQL info: ${message}${this.#place(at)}`)
  }

  /** Classic buckets of `metric` had decreasing counts between the bounds `lowest` and `highest`, by at most `largest`. */
  straightened(metric: string, at: Position, lowest: number, highest: number, largest: number, timeMs: number): void {
    for (const { calls } of this.#captures) {
      calls.push((annotations, shift) => annotations.straightened(metric, moved(at, shift), lowest, highest, largest, timeMs))
    }
    const key = `${metric} ${at.start} ${at.end}`
    const known = this.#straightened.get(key)
    if (known === undefined) {
      this.#straightened.set(key, { metric, position: at, lowest, highest, largest, samples: 1, fromMs: timeMs, toMs: timeMs })
      return
    }
    known.lowest = Math.min(known.lowest, lowest)
    known.highest = Math.max(known.highest, highest)
    known.largest = Math.max(known.largest, largest)
    known.samples++
    known.fromMs = Math.min(known.fromMs, timeMs)
    known.toMs = Math.max(known.toMs, timeMs)
  }

  warnings(): string[] {
    return [...this.#warnings]
  }

  infos(): string[] {
    const infos = [...this.#infos]
    for (const s of this.#straightened.values()) {
      infos.push(
        'PromQL info: input to histogram_quantile needed to be fixed for monotonicity ' +
          `(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)${forMetric(s.metric)}, ` +
          `from buckets ${printShortest(s.lowest)} to ${printShortest(s.highest)}, with a max diff of ${printShortest(s.largest)}, ` +
          `over ${s.samples} samples from ${instant(s.fromMs)} to ${instant(s.toMs)}${this.#place(s.position)}`,
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
