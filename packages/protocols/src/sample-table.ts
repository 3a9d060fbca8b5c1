/**
 * SampleTable: samples of many series as rows of a table, a bounded number at a time, for formats that are tables. Labels stay with runs of rows:
 *
 *     runs   {job="a"} rows 0 to 3      rows   timestamp  value  kind  text
 *            {job="b"} rows 3 to 5             ...
 *
 * A value that a double cannot hold is in `text`: strings, bytes in base64, native histograms in JSON, integers beyond 2^53.
 */
import { isStale, isStaleHistogram, METRIC_NAME, TsinkError, VALUE_KINDS, type Labels, type SampleBuffer } from '@tsink/core'
import { toBase64 } from './base64.ts'
import { encodeHistogram } from './prometheus-json/encode.ts'

/** How labels become columns: one for each name, or one in all with a JSON object. */
export type LabelLayout = 'columns' | 'json'

export interface SampleTableOptions {
  /** Every label name that any of the series has. */
  readonly labelNames: readonly string[]
  readonly layout: LabelLayout
}

/** Label names that become columns. Beyond that tables are mostly holes, and readers slow. */
export const MAX_LABEL_COLUMNS = 1_000
/** Characters of `text` in one table: rows of long strings must not take more memory than rows of numbers. */
const MAX_TEXT_CHARS = 8 * 1_024 * 1_024

const FIXED = ['metric', 'timestamp', 'value', 'kind', 'text', 'labels']

/** A label and the column that holds it. */
export interface LabelColumn {
  readonly label: string
  readonly column: string
}

/** The columns of labels, `metric` not among them. @throws TsinkError TOO_LARGE when there are too many. */
export function labelColumns({ labelNames, layout }: SampleTableOptions): readonly LabelColumn[] {
  if (layout === 'json') return []
  const labels = labelNames.filter((name) => name !== METRIC_NAME)
  if (labels.length > MAX_LABEL_COLUMNS) {
    throw new TsinkError('TOO_LARGE', `the series have ${labels.length} label names; more than ${MAX_LABEL_COLUMNS} need labels=json`)
  }
  const taken = new Set(FIXED)
  // Readers such as DuckDB do not tell capitals in column names.
  for (const label of labels) taken.add(label.toLowerCase())
  return labels.map((label) => {
    let column = label
    if (FIXED.includes(label.toLowerCase()))
      do column = `label_${column}`
      while (taken.has(column.toLowerCase()))
    taken.add(column.toLowerCase())
    return { label, column }
  })
}

/** Rows `start` to `end` belong to one series. */
export interface SampleRun {
  readonly labels: Labels
  readonly start: number
  readonly end: number
}

export class SampleTable {
  readonly capacity: number
  count = 0
  runs: SampleRun[] = []
  readonly timestamps: Float64Array
  readonly values: Float64Array
  /** 1 where `value` says nothing. */
  readonly missing: Uint8Array
  /** How many are missing. */
  missingCount = 0
  /** By row the kind as index into VALUE_KINDS. */
  readonly kinds: Uint8Array
  readonly texts: (string | null)[]
  #textChars = 0

  constructor(capacity: number) {
    this.capacity = capacity
    this.timestamps = new Float64Array(capacity)
    this.values = new Float64Array(capacity)
    this.missing = new Uint8Array(capacity)
    this.kinds = new Uint8Array(capacity)
    this.texts = Array.from({ length: capacity }, () => null)
  }

  /**
   * Appends a series' samples from index `from` on, without stale markers, as many as there is room for. Returns the index of the first that had
   * none: `samples.count` when all are in.
   */
  append(labels: Labels, samples: SampleBuffer, from: number): number {
    const start = this.count
    const plain = samples.kind === 'f64' && samples.histograms === null
    const at = plain ? this.#appendFloats(samples, from) : this.#appendOthers(samples, from)
    if (this.count > start) this.runs.push({ labels, start, end: this.count })
    return at
  }

  clear(): void {
    if (this.#textChars > 0) this.texts.fill(null, 0, this.count)
    if (this.missingCount > 0) this.missing.fill(0, 0, this.count)
    this.#textChars = 0
    this.missingCount = 0
    this.count = 0
    this.runs = []
  }

  #appendFloats(samples: SampleBuffer, from: number): number {
    const { timestamps, values, kinds, capacity } = this
    const { base } = samples
    let row = this.count
    let at = from
    for (; at < samples.count && row < capacity; at++) {
      const value = samples.values[at]!
      if (value !== value && isStale(samples.values, at)) continue
      timestamps[row] = samples.timestamps[at]! + base
      values[row] = value
      row++
    }
    kinds.fill(0, this.count, row)
    this.count = row
    return at
  }

  #appendOthers(samples: SampleBuffer, from: number): number {
    let at = from
    for (; at < samples.count && this.count < this.capacity && this.#textChars < MAX_TEXT_CHARS; at++) {
      const histogram = samples.histograms?.[at]
      if (histogram === undefined ? isFloat(samples) && isStale(samples.values, at) : isStaleHistogram(histogram)) continue
      const row = this.count++
      const text = histogram === undefined ? textOf(samples, at) : encodeHistogram(histogram)
      this.timestamps[row] = samples.timestamps[at]! + samples.base
      this.values[row] = samples.values[at]!
      this.kinds[row] = VALUE_KINDS.indexOf(histogram === undefined ? samples.kind : 'histogram')
      if (text !== null) {
        this.texts[row] = text
        this.#textChars += text.length
      }
      if (histogram === undefined && samples.blobs === null) continue
      this.values[row] = 0
      this.missing[row] = 1
      this.missingCount++
    }
    return at
  }

  /** Whether nothing more should be appended. */
  get isFull(): boolean {
    return this.count === this.capacity || this.#textChars >= MAX_TEXT_CHARS
  }
}

function isFloat(samples: SampleBuffer): boolean {
  return samples.kind === 'f64' || samples.kind === 'histogram'
}

/** What the double of a sample does not say, or null. */
function textOf(samples: SampleBuffer, at: number): string | null {
  const { kind, integers, blobs } = samples
  if (blobs !== null) return kind === 'string' ? new TextDecoder().decode(blobs[at]!) : toBase64(blobs[at]!)
  if (integers === null || Number.isSafeInteger(samples.values[at]!)) return null
  return String(kind === 'u64' ? BigInt.asUintN(64, integers[at]!) : integers[at]!)
}

/** A series' labels but its name, as a JSON object. */
export function labelsJson(labels: Labels): string {
  const record: Record<string, string> = {}
  for (const [name, value] of labels) if (name !== METRIC_NAME) record[name] = value
  return JSON.stringify(record)
}

/** @throws TsinkError EXECUTION when a series has a label that is no column: its value would be lost. */
export function assertKnownLabels(labels: Labels, known: ReadonlySet<string>): void {
  for (const name of labels.names) {
    if (name === METRIC_NAME || known.has(name)) continue
    throw new TsinkError('EXECUTION', `the label ${JSON.stringify(name)} came while the export ran; export again, or with labels=json`)
  }
}
