/**
 * Labels: the identity of a series, sorted and canonical once and for all when it is made.
 *
 * A label set is a sorted list of unique (name, value) pairs in which no value is empty: an empty value means that the label is absent. The
 * order is that of the names' UTF-8 bytes. The canonical bytes of a label set (see {@link encodeLabels}) are what stores hash, compare
 * and keep; the 64-bit hash of those bytes is the series' identity across processes.
 */
import { TsinkError } from './errors.ts'
import { LIMITS } from './limits.ts'

/** The label that holds the metric name. */
export const METRIC_NAME = '__name__'

/** An immutable label set. */
export class Labels implements Iterable<readonly [name: string, value: string]> {
  /** Names in ascending order of their UTF-8 bytes. */
  readonly names: readonly string[]
  /** The value of `names[i]` at i; never empty. */
  readonly values: readonly string[]

  /** See {@link withoutSchema}; null until it is asked for. */
  #bare: Labels | null = null
  #encoding: Uint8Array | null = null

  private constructor(names: readonly string[], values: readonly string[]) {
    this.names = names
    this.values = values
  }

  static readonly EMPTY: Labels = new Labels([], [])

  /** Labels from an object, for example `{ __name__: 'up', job: 'node' }`. Empty values are left out. */
  static of(record: Readonly<Record<string, string>>): Labels {
    return Labels.from(Object.entries(record))
  }

  /**
   * Labels from pairs in any order. Empty values are left out.
   * @throws TsinkError BAD_LABEL when a name is empty or comes twice.
   */
  static from(pairs: Iterable<readonly [string, string]>): Labels {
    const kept: (readonly [string, string])[] = []
    for (const pair of pairs) if (pair[1] !== '') kept.push(pair)
    kept.sort((a, b) => compareStrings(a[0], b[0]))
    const names: string[] = []
    const values: string[] = []
    for (const [name, value] of kept) {
      if (name === '') throw new TsinkError('BAD_LABEL', 'a label name is empty')
      if (names.length > 0 && names[names.length - 1] === name) {
        throw new TsinkError('BAD_LABEL', `label ${JSON.stringify(name)} is given twice`, { detail: { label: name } })
      }
      names.push(name)
      values.push(value)
    }
    return new Labels(names, values)
  }

  /** Labels from columns that are already sorted, unique and without empty values: for stores and decoders that know. Takes the arrays. */
  static fromSorted(names: readonly string[], values: readonly string[]): Labels {
    return new Labels(names, values)
  }

  get size(): number {
    return this.names.length
  }

  /**
   * Room for what the encoder of Prometheus's JSON (and no other) makes of the label set, so that it makes it once for a set that lives long: stores
   * keep those that are asked for often.
   */
  get encoding(): Uint8Array | null {
    return this.#encoding
  }

  set encoding(bytes: Uint8Array | null) {
    this.#encoding = bytes
  }

  /** The value of a label, or '' when the label is absent. */
  get(name: string): string {
    const at = this.names.indexOf(name)
    return at < 0 ? '' : this.values[at]!
  }

  has(name: string): boolean {
    return this.names.includes(name)
  }

  /** The metric name, or ''. */
  get metric(): string {
    // It stands first wherever no label begins with a capital letter.
    return this.names[0] === METRIC_NAME ? this.values[0]! : this.get(METRIC_NAME)
  }

  /** A copy with one label set to another value; '' removes it. */
  with(name: string, value: string): Labels {
    const at = this.names.indexOf(name)
    if (at < 0 ? value === '' : this.values[at] === value) return this
    const pairs: [string, string][] = []
    for (const [n, v] of this) if (n !== name) pairs.push([n, v])
    pairs.push([name, value])
    return Labels.from(pairs)
  }

  /** A copy with only the labels for which `keep` says true. */
  filter(keep: (name: string) => boolean): Labels {
    const names: string[] = []
    const values: string[] = []
    for (let i = 0; i < this.names.length; i++) {
      if (!keep(this.names[i]!)) continue
      names.push(this.names[i]!)
      values.push(this.values[i]!)
    }
    return names.length === this.names.length ? this : new Labels(names, values)
  }

  /** The labels that are left without those that describe the metric. Made once: stores give the same label sets to query after query. */
  withoutSchema(): Labels {
    this.#bare ??= withSharedNames(this.filter((name) => !isSchemaLabel(name)))
    return this.#bare
  }

  equals(other: Labels): boolean {
    if (this === other) return true
    if (this.names.length !== other.names.length) return false
    for (let i = 0; i < this.names.length; i++) {
      if (this.names[i] !== other.names[i] || this.values[i] !== other.values[i]) return false
    }
    return true
  }

  /** Order of label sets: pair by pair, name first, in byte order; a prefix comes before what it is a prefix of. */
  compare(other: Labels): number {
    const shared = Math.min(this.names.length, other.names.length)
    if (this.names === other.names) {
      for (let i = 0; i < shared; i++) {
        if (this.values[i] !== other.values[i]) return compareStrings(this.values[i]!, other.values[i]!)
      }
      return 0
    }
    for (let i = 0; i < shared; i++) {
      const byName = compareStrings(this.names[i]!, other.names[i]!)
      if (byName !== 0) return byName
      const byValue = compareStrings(this.values[i]!, other.values[i]!)
      if (byValue !== 0) return byValue
    }
    return this.names.length - other.names.length
  }

  /** A string that is equal exactly when the label sets are: for Map keys. Not for people. */
  key(): string {
    let key = ''
    for (let i = 0; i < this.names.length; i++) key += `${this.names[i]!}\u0001${this.values[i]!}\u0002`
    return key
  }

  *[Symbol.iterator](): Iterator<readonly [string, string]> {
    for (let i = 0; i < this.names.length; i++) yield [this.names[i]!, this.values[i]!]
  }

  toJSON(): Record<string, string> {
    return Object.fromEntries(this)
  }

  /** `up{job="node"}`; names that are not plain identifiers are quoted: `{"http.requests", job="node"}`. */
  toString(): string {
    const metric = this.metric
    const plain = metric === '' || isLegacyMetricName(metric)
    const parts = plain ? [] : [quoteString(metric)]
    for (const [name, value] of this) {
      if (name === METRIC_NAME) continue
      parts.push(`${isLegacyLabelName(name) ? name : quoteString(name)}=${quoteString(value)}`)
    }
    if (!plain || parts.length > 0 || metric === '') return `${plain ? metric : ''}{${parts.join(', ')}}`
    return metric
  }
}

/** Whether a label describes the metric rather than the series: its name, type or unit. They are removed together. */
export function isSchemaLabel(name: string): boolean {
  return name === METRIC_NAME || name === '__type__' || name === '__unit__'
}

let latestNames: readonly string[] = []

/** The labels over the array of names that the labels before had, if it is the same: what looks at names then knows them again. */
function withSharedNames(labels: Labels): Labels {
  const { names } = labels
  if (names === latestNames) return labels
  if (names.length === latestNames.length && names.every((name, i) => name === latestNames[i])) {
    return Labels.fromSorted(latestNames, labels.values)
  }
  latestNames = names
  return labels
}

/** Whether a name can be written bare as a metric name: `[a-zA-Z_:][a-zA-Z0-9_:]*`. */
export function isLegacyMetricName(name: string): boolean {
  return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)
}

/** Whether a name can be written bare as a label name: `[a-zA-Z_][a-zA-Z0-9_]*`. */
export function isLegacyLabelName(name: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)
}

/** A string in double quotes with `\`, `"` and control characters escaped, as PromQL and the exposition formats read it. */
export function quoteString(text: string): string {
  let quoted = '"'
  for (const char of text) {
    const code = char.codePointAt(0)!
    if (char === '"' || char === '\\') quoted += `\\${char}`
    else if (char === '\n') quoted += '\\n'
    else if (char === '\t') quoted += '\\t'
    else if (char === '\r') quoted += '\\r'
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, '0')}`
    else quoted += char
  }
  return `${quoted}"`
}

/** Order of two strings by their UTF-8 bytes, which is the order of their code points. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    // Surrogates stand for code points above every other UTF-16 unit, though their numbers do not.
    const xSurrogate = x >= 0xd800 && x <= 0xdfff
    const ySurrogate = y >= 0xd800 && y <= 0xdfff
    if (xSurrogate !== ySurrogate) return xSurrogate ? 1 : -1
    return x - y
  }
  return a.length - b.length
}

/** What is wrong with a label set for storing, or null: lengths within {@link LIMITS}, names and values that are whole Unicode. */
export function labelsProblem(labels: Labels): string | null {
  for (let i = 0; i < labels.names.length; i++) {
    const name = labels.names[i]!
    const value = labels.values[i]!
    if (!name.isWellFormed() || !value.isWellFormed()) return `label ${JSON.stringify(name)} is not valid Unicode`
    const maxValueBytes = name === METRIC_NAME ? LIMITS.metricNameBytes : LIMITS.labelValueBytes
    // A UTF-16 unit is at most three bytes: most labels are cleared without being encoded.
    if (name.length * 3 > LIMITS.labelNameBytes && utf8Length(name) > LIMITS.labelNameBytes) {
      return `label name ${JSON.stringify(name.slice(0, 40))}... is longer than ${LIMITS.labelNameBytes} bytes`
    }
    if (value.length * 3 > maxValueBytes && utf8Length(value) > maxValueBytes) {
      return `value of label ${JSON.stringify(name)} is longer than ${maxValueBytes} bytes`
    }
  }
  if (labels.size > LIMITS.labelsPerSeries) return `${labels.size} labels; at most ${LIMITS.labelsPerSeries} are allowed`
  return null
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** How many bytes a string takes in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) bytes += 1
    else if (unit >= 0xd800 && unit <= 0xdbff) {
      bytes += 2
      i++
    } else bytes += 2
  }
  return bytes
}

/**
 * The canonical bytes of a label set: for each label in order, the length of the name (unsigned LEB128), the name's UTF-8, the length of
 * the value, the value's UTF-8. Two label sets are equal exactly when their canonical bytes are.
 */
export function encodeLabels(labels: Labels): Uint8Array {
  let bound = 0
  for (let i = 0; i < labels.names.length; i++) bound += (labels.names[i]!.length + labels.values[i]!.length) * 3 + 10
  const bytes = new Uint8Array(bound)
  let at = 0
  for (let i = 0; i < labels.names.length; i++) {
    at = encodeString(labels.names[i]!, bytes, at)
    at = encodeString(labels.values[i]!, bytes, at)
  }
  return bytes.slice(0, at)
}

/** The order of two label sets by their canonical bytes in one array, as {@link Labels.compare} has it: name by name and value by value. */
export function compareLabelBytes(bytes: Uint8Array, startA: number, endA: number, startB: number, endB: number): number {
  let [a, b] = [startA, startB]
  while (a < endA && b < endB) {
    let lengthA = 0
    for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7) lengthA |= ((byte = bytes[a++]!) & 0x7f) << shift
    let lengthB = 0
    for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7) lengthB |= ((byte = bytes[b++]!) & 0x7f) << shift
    const shared = Math.min(lengthA, lengthB)
    for (let i = 0; i < shared; i++) if (bytes[a + i] !== bytes[b + i]) return bytes[a + i]! - bytes[b + i]!
    if (lengthA !== lengthB) return lengthA - lengthB
    a += lengthA
    b += lengthB
  }
  return endA - a - (endB - b)
}

/**
 * The label set of canonical bytes.
 * @throws TsinkError BAD_LABEL when the bytes are not canonical.
 */
export function decodeLabels(bytes: Uint8Array, start = 0, end: number = bytes.length): Labels {
  const names: string[] = []
  const values: string[] = []
  let at = start
  const next = (): string => {
    let length = 0
    for (let shift = 0; ; shift += 7) {
      if (at >= end || shift > 28) throw new TsinkError('BAD_LABEL', `label bytes end inside a length at byte ${at - start}`)
      const byte = bytes[at++]!
      length |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    if (length < 0 || length > end - at) throw new TsinkError('BAD_LABEL', `label bytes end inside a string at byte ${at - start}`)
    const text = decodeText(bytes, at, at + length)
    at += length
    return text
  }
  while (at < end) {
    names.push(next())
    values.push(next())
  }
  return Labels.fromSorted(names, values)
}

function encodeString(text: string, bytes: Uint8Array, at: number): number {
  // Lengths are written behind a guess of one byte, which is right for nearly every label.
  const guess = text.length < 43 ? 1 : utf8Length(text) < 128 ? 1 : utf8Length(text) < 16_384 ? 2 : 3
  const { written } = encoder.encodeInto(text, bytes.subarray(at + guess))
  let rest = written
  for (let i = 0; i < guess - 1; i++) {
    bytes[at + i] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at + guess - 1] = rest
  return at + guess + written
}

function decodeText(bytes: Uint8Array, start: number, end: number): string {
  // Short ASCII strings, which is nearly all of them, decode faster by hand than through TextDecoder.
  if (end - start <= 24) {
    let text = ''
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!
      if (byte >= 0x80) return decodeUtf8(bytes.subarray(start, end))
      text += String.fromCharCode(byte)
    }
    return text
  }
  return decodeUtf8(bytes.subarray(start, end))
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    // TextDecoder refuses views of shared memory, in which stores keep their label bytes.
    return decoder.decode(bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice())
  } catch (cause) {
    throw new TsinkError('BAD_LABEL', 'a label is not valid UTF-8', { cause })
  }
}
