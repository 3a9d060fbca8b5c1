/**
 * What client libraries and the Pushgateway refuse of the text format beyond what scrapers do: a last line without its end, unknown escapes,
 * exemplars, types of OpenMetrics, metadata given twice or behind samples, bounds that are no numbers, and counts below zero. For those who
 * want to know whether an exposition is right.
 */
import { decodeLabels } from '@tsink/core'
import { parseNumber } from '../decimal.ts'
import { parseSeries, seriesEnd, skipBlanks, stringEnd, unescaped } from '../exposition-series.ts'
import { LabelWriter } from '../label-writer.ts'
import { LineProblem } from '../line-problem.ts'
import { bytesOf, textOf } from '../utf8.ts'

const HASH = 0x23
const BACKSLASH = 0x5c
const QUOTE = 0x22
const TYPES = new Set(['counter', 'gauge', 'summary', 'untyped', 'histogram', 'gaugehistogram', 'gauge_histogram'])

export class ClientRules {
  readonly #body: Uint8Array
  readonly #labels = new LabelWriter()
  readonly #types = new Map<string, string>()
  readonly #helped = new Set<string>()
  readonly #sampled = new Set<string>()

  constructor(body: Uint8Array) {
    this.#body = body
  }

  /** Looks at a line that is read otherwise too. `isEnded` says whether a line end follows. @throws LineProblem */
  line(start: number, end: number, isEnded: boolean): void {
    const at = skipBlanks(this.#body, start, end)
    if (at === end) return
    if (this.#body[at] === HASH) this.#comment(at + 1, end)
    else this.#sample(at, end)
    if (!isEnded) throw new LineProblem(end, 'expected a line end, found the end of the body')
  }

  #comment(start: number, end: number): void {
    const body = this.#body
    const at = skipBlanks(body, start, end)
    const word = textOf(body, at, Math.min(end, at + 5)).trimEnd()
    if (word !== 'HELP' && word !== 'TYPE') return
    const nameStart = skipBlanks(body, at + 4, end)
    const isQuoted = body[nameStart] === QUOTE
    const nameEnd = isQuoted ? stringEnd(body, nameStart, end) : seriesEnd(body, nameStart, end)
    const name = textOf(isQuoted ? unescaped(body, nameStart + 1, nameEnd) : body.subarray(nameStart, nameEnd))
    const text = textOf(body, skipBlanks(body, isQuoted ? nameEnd + 1 : nameEnd, end), end).trim()
    // Without a name or a text it is a comment like others.
    if (name === '' || text === '') return
    if (word === 'HELP') {
      if (this.#helped.has(name)) throw new LineProblem(nameStart, `HELP of ${name} is given twice`)
      this.#helped.add(name)
      this.#escapes(nameEnd, end)
    } else {
      if (!TYPES.has(text)) throw new LineProblem(nameEnd, `${JSON.stringify(text.slice(0, 40))} is no type of the text format`)
      if (this.#types.has(name)) throw new LineProblem(nameStart, `TYPE of ${name} is given twice`)
      if (this.#sampled.has(name)) throw new LineProblem(nameStart, `TYPE of ${name} stands behind its samples`)
      this.#types.set(name, text)
    }
  }

  #sample(start: number, lineEnd: number): void {
    const body = this.#body
    const end = seriesEnd(body, start, lineEnd)
    this.#escapes(start, end)
    const rest = textOf(body, end, lineEnd)
    if (rest.includes('#')) throw new LineProblem(end, 'there are no exemplars in the text format')
    this.#labels.begin()
    parseSeries(body, start, end, this.#labels, '', 'required')
    const problem = this.#labels.finish(true)
    if (problem !== null) throw new LineProblem(start, problem)
    const labels = decodeLabels(this.#labels.bytes, 0, this.#labels.length)
    const [family, suffix] = this.#familyOf(labels.metric)
    this.#sampled.add(family)
    const type = this.#types.get(family)
    const bound = type === 'summary' ? 'quantile' : 'le'
    if (type !== undefined && type !== 'counter' && type !== 'gauge' && type !== 'untyped' && labels.has(bound)) {
      const bytes = bytesOf(labels.get(bound))
      if (parseNumber(bytes, 0, bytes.length) === undefined)
        throw new LineProblem(start, `the label ${bound} is ${JSON.stringify(labels.get(bound))}, which is no number`)
    }
    if (type === undefined || !type.includes('histogram') || (suffix !== '_bucket' && suffix !== '_count')) return
    if (Number.parseFloat(rest) < 0) throw new LineProblem(end, `a ${suffix.slice(1)} of the histogram ${family} is below zero`)
  }

  /** The family that a sample belongs to by the types so far, and what its name has on top. */
  #familyOf(name: string): readonly [family: string, suffix: string] {
    const suffix = /_(?:bucket|count|sum)$/.exec(name)?.[0] ?? ''
    const family = name.slice(0, name.length - suffix.length)
    const type = this.#types.get(family)
    const isPart = type !== undefined && (type.includes('histogram') || (type === 'summary' && suffix !== '_bucket'))
    return isPart ? [family, suffix] : [name, '']
  }

  /** Behind a backslash only a backslash, an n or a quote may stand. */
  #escapes(start: number, end: number): void {
    for (let at = start; at < end; at++) {
      if (this.#body[at] !== BACKSLASH) continue
      const next = this.#body[++at]
      if (at >= end || (next !== BACKSLASH && next !== QUOTE && next !== 0x6e)) throw new LineProblem(at - 1, 'an escape that is not known')
    }
  }
}
