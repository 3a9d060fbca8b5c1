/**
 * Line protocol to metrics: each field of a line is a sample of the series `measurement_field` with the tags as labels.
 *
 * Floats and integers become floats, booleans and strings stay what they are. Characters that a metric or label name cannot have without
 * quotes become underscores, unless names are wanted as they are. What the request says about where to write (database, bucket and so on)
 * may be added as labels.
 */
import { METRIC_NAME } from '@tsink/core'
import type { SeriesWalk } from '@tsink/kernel'
import { BatchWriter } from '../batch-writer.ts'
import { Rejected, tooLarge, type Decoded, type DecodeOptions } from '../decoded.ts'
import { LabelWriter } from '../label-writer.ts'
import { LineProblem } from '../line-problem.ts'
import { labelName, metricName } from '../names.ts'
import { KEY_KINDS } from '../series-cache.ts'
import { bytesOf, textOf } from '../utf8.ts'
import type { InfluxPrecision } from './content.ts'
import { INFLUX_LIMITS } from './limits.ts'
import { LineParser, unescapedName, unescapedString, type LineSink } from './line-parser.ts'

export interface InfluxOptions extends DecodeOptions {
  /** The unit of the lines' timestamps; nanoseconds when left out. */
  readonly precision?: InfluxPrecision
  /** Whether names keep every character ('utf8') or only those that need no quotes ('underscores', the default). */
  readonly names?: 'underscores' | 'utf8'
  /** A field of this name adds nothing to the metric's name: with 'value', `cpu value=1` is the metric `cpu`. None when left out. */
  readonly bareField?: string
  /** Labels for every series of the body, for example `{ influx_db: 'telegraf' }`; tags of the same name win. */
  readonly extraLabels?: Readonly<Record<string, string>>
}

/** Decodes a body. A bad line costs only itself. @throws TsinkError TOO_LARGE */
export function decodeLineProtocol(body: Uint8Array, options: InfluxOptions): Decoded {
  if (body.length > INFLUX_LIMITS.bodyBytes) throw tooLarge('line protocol body bytes', body.length, INFLUX_LIMITS.bodyBytes)
  const parser = new LineParser(body)
  const rejected = new Rejected()
  const mapper = new Mapper(body, options)
  for (;;) {
    try {
      if (!parser.next()) break
      // The kernel takes lines of known series; the one where it stops is read here.
      parser.moveTo(mapper.batch.pass(parser.at, mapper.take), mapper.batch.passed)
      if (!parser.next()) break
      parser.read(mapper)
    } catch (problem) {
      if (!(problem instanceof LineProblem)) throw problem
      rejected.add(parser.where(problem.at), problem.message)
      parser.recover()
    }
  }
  return mapper.batch.decoded(rejected)
}

/** Units of time by the numbers that the kernel has for them. */
const UNITS: readonly InfluxPrecision[] = ['ns', 'us', 'ms', 's', 'm', 'h', 'auto']
const NO_SALT = new Uint8Array(0)
const FLOAT = 0
const BOOLEAN = 1
const STRING = 2
const labels = new LabelWriter()

/** Collects a line, and adds it to the batch when it has turned out to be whole. */
class Mapper implements LineSink {
  readonly batch: BatchWriter
  readonly take: (walk: SeriesWalk, start: number) => number
  readonly #body: Uint8Array
  readonly #options: InfluxOptions
  readonly #underscores: boolean
  readonly #extra: readonly [string, string][]
  /** What tells apart bodies whose options make other series of the same bytes; part of each cache key. */
  readonly #salt: Uint8Array
  #start = 0
  #measurementEnd = 0
  #keyEnd = 0
  /** For each tag: where its key begins and ends, where its value begins and ends. */
  readonly #tags: number[] = []
  /** For each field: where its key begins and ends, what it is, and where a string begins and ends. */
  readonly #fields: number[] = []
  #numbers: Float64Array = new Float64Array(64)
  #count = 0
  #key: Uint8Array = new Uint8Array(1_024)
  /** Of which line the key holds the tags. */
  #copied = -1

  constructor(body: Uint8Array, options: InfluxOptions) {
    this.#body = body
    this.#options = options
    this.#underscores = options.names !== 'utf8'
    this.#extra = Object.entries(options.extraLabels ?? {})
    const { names, bareField, extraLabels } = options
    this.#salt =
      names === undefined && bareField === undefined && extraLabels === undefined
        ? NO_SALT
        : bytesOf(JSON.stringify([names, bareField, extraLabels]))
    this.batch = new BatchWriter(options, Math.min(16_384, body.length >>> 6) + 1, body.length, body)
    this.batch.setContext(this.#salt)
    if (this.#underscores) this.batch.setExtras([options.bareField ?? '', ...this.#extra.flat()])
    const unit = UNITS.indexOf(options.precision ?? 'ns')
    this.take = (walk, start) => walk.lineProtocol(start, unit, options.now)
  }

  begin(start: number, measurementEnd: number): void {
    this.#start = start
    this.#measurementEnd = measurementEnd
    this.#tags.length = 0
    this.#fields.length = 0
    this.#count = 0
  }

  tag(keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    this.#tags.push(keyStart, keyEnd, valueStart, valueEnd)
  }

  tagsEnd(keyEnd: number): void {
    this.#keyEnd = keyEnd
  }

  float(keyStart: number, keyEnd: number, value: number): void {
    this.#number(keyStart, keyEnd, FLOAT, value)
  }

  integer(keyStart: number, keyEnd: number, start: number, end: number): void {
    this.#number(keyStart, keyEnd, FLOAT, Number(textOf(this.#body, start, end)))
  }

  boolean(keyStart: number, keyEnd: number, value: boolean): void {
    this.#number(keyStart, keyEnd, BOOLEAN, value ? 1 : 0)
  }

  string(keyStart: number, keyEnd: number, start: number, end: number): void {
    this.#number(keyStart, keyEnd, STRING, 0, start, end)
  }

  end(timeStart: number, timeEnd: number): void {
    const { ms, nanos } = timeStart === timeEnd ? { ms: this.#options.now, nanos: 0 } : this.#time(timeStart, timeEnd)
    for (let i = 0; i < this.#count; i++) {
      const at = i * 5
      const slot = this.#slot(this.#fields[at]!, this.#fields[at + 1]!)
      const kind = this.#fields[at + 2]!
      if (kind === FLOAT) this.batch.float(slot, ms, this.#numbers[i]!, 0, nanos)
      else if (kind === BOOLEAN) this.batch.other('bool', slot, ms, this.#numbers[i]!, 0, nanos)
      else this.batch.other('string', slot, ms, unescapedString(this.#body, this.#fields[at + 3]!, this.#fields[at + 4]!), 0, nanos)
    }
  }

  #number(keyStart: number, keyEnd: number, kind: number, value: number, start = 0, end = 0): void {
    const index = this.#count++
    if (index >= this.#numbers.length) {
      const numbers = new Float64Array(index * 2)
      numbers.set(this.#numbers)
      this.#numbers = numbers
    }
    this.#numbers[index] = value
    this.#fields.push(keyStart, keyEnd, kind, start, end)
  }

  /** The series of the present line and one of its fields. */
  #slot(fieldStart: number, fieldEnd: number): number {
    const tagsBytes = this.#keyEnd - this.#start
    const size = tagsBytes + 1 + (fieldEnd - fieldStart) + this.#salt.length
    if (size > this.#key.length) {
      this.#key = new Uint8Array(size * 2)
      this.#copied = -1
    }
    const key = this.#key
    let length = 0
    if (this.#options.cache !== undefined) {
      // The tags of a line are copied for its first field only.
      if (this.#copied !== this.#start) key.set(this.#body.subarray(this.#start, this.#keyEnd))
      this.#copied = this.#start
      length = tagsBytes
      key[length++] = 0
      for (let at = fieldStart; at < fieldEnd; at++) key[length++] = this.#body[at]!
      for (let at = 0; at < this.#salt.length; at++) key[length++] = this.#salt[at]!
      const known = this.batch.known(key, 0, length, KEY_KINDS.influx)
      if (known >= 0) return known
    }
    this.#writeLabels(fieldStart, fieldEnd)
    return this.batch.remember(key, 0, length, KEY_KINDS.influx, labels, tagsBytes)
  }

  #writeLabels(fieldStart: number, fieldEnd: number): void {
    const body = this.#body
    const measurement = unescapedName(body, this.#start, this.#measurementEnd, true)
    const field = unescapedName(body, fieldStart, fieldEnd)
    const name = field === this.#options.bareField ? measurement : `${measurement}_${field}`
    labels.begin()
    labels.addText(METRIC_NAME, this.#underscores ? metricName(name) : name)
    const names = new Set<string>([METRIC_NAME])
    for (let i = 0; i < this.#tags.length; i += 4) {
      const key = unescapedName(body, this.#tags[i]!, this.#tags[i + 1]!)
      const label = this.#underscores ? labelName(key) : key
      if (names.has(label)) throw new LineProblem(this.#tags[i]!, `the tag ${JSON.stringify(key)} is given twice`)
      names.add(label)
      labels.addText(label, unescapedName(body, this.#tags[i + 2]!, this.#tags[i + 3]!))
    }
    for (const [label, value] of this.#extra) if (!names.has(label)) labels.addText(label, value)
    const problem = labels.finish(true)
    if (problem !== null) throw new LineProblem(this.#start, problem)
  }

  #time(start: number, end: number): { ms: number; nanos: number } {
    const precision = this.#options.precision ?? 'ns'
    const negative = this.#body[start] === 0x2d
    const from = negative ? start + 1 : start
    const unit = precision === 'auto' ? guessedUnit(digits(this.#body, from, end)) : precision
    if (unit !== 'ns' && unit !== 'us') return { ms: digits(this.#body, start, end) * MS[unit], nanos: 0 }
    // The last digits are what is below a millisecond; the rest is exact as a double.
    const below = unit === 'ns' ? 6 : 3
    const split = Math.max(from, end - below)
    let ms = digits(this.#body, from, split)
    let nanos = digits(this.#body, split, end) * (unit === 'ns' ? 1 : 1e3)
    if (negative) {
      ms = -ms
      if (nanos > 0) {
        ms--
        nanos = 1e6 - nanos
      }
    }
    return { ms, nanos }
  }
}

const MS = { ms: 1, s: 1e3, m: 60e3, h: 3_600e3 } as const

/** A time since 1970 that is neither far past nor far future in only one unit. */
function guessedUnit(time: number): 's' | 'ms' | 'us' | 'ns' {
  return time < 5e9 ? 's' : time < 5e12 ? 'ms' : time < 5e15 ? 'us' : 'ns'
}

function digits(bytes: Uint8Array, start: number, end: number): number {
  const negative = bytes[start] === 0x2d
  let value = 0
  for (let at = negative ? start + 1 : start; at < end; at++) value = value * 10 + bytes[at]! - 0x30
  return negative ? -value : value
}
