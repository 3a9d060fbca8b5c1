/** CSV with a column map. Quoted cells (RFC 4180) may hold commas, quotes and line breaks. */
import { METRIC_NAME } from '@tsink/core'
import { BatchWriter } from '../batch-writer.ts'
import { Rejected, tooLarge, type Decoded, type DecodeOptions } from '../decoded.ts'
import { LabelWriter } from '../label-writer.ts'
import { textOf } from '../utf8.ts'
import type { CsvColumn, CsvTime } from './content.ts'
import { CSV_LIMITS } from './limits.ts'

export interface CsvOptions extends DecodeOptions {
  /** See `parseCsvFormat`. */
  readonly columns: readonly CsvColumn[]
  /** Lines in front that are no data. */
  readonly skipRows?: number
}

/** Decodes a body. A bad row costs only itself; empty metric cells are no sample. @throws TsinkError TOO_LARGE */
export function decodeCsv(body: Uint8Array, options: CsvOptions): Decoded {
  if (body.length > CSV_LIMITS.bodyBytes) throw tooLarge('CSV body bytes', body.length, CSV_LIMITS.bodyBytes)
  const batch = new BatchWriter(options)
  const rejected = new Rejected()
  let row = 0
  for (const { cells, line } of rows(textOf(body))) {
    if (++row <= (options.skipRows ?? 0)) continue
    const problem = decodeRow(cells, batch, options)
    if (problem !== null) rejected.add(`line ${line}`, problem)
  }
  return { batch: batch.build(), rejected }
}

const labels = new LabelWriter()
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/

function decodeRow(cells: readonly string[], batch: BatchWriter, options: CsvOptions): string | null {
  let time = options.now
  const pairs: [string, string][] = []
  for (const column of options.columns) {
    if (column.index >= cells.length) return `${cells.length} cells, but column ${column.index + 1} is wanted`
    const cell = cells[column.index]!.trim()
    if (column.kind === 'label') pairs.push([column.name, cell])
    else if (column.kind === 'time') {
      const parsed = parseTime(cell, column.format)
      if (parsed === null)
        return `column ${column.index + 1}: ${JSON.stringify(cell.slice(0, 40))} is no time of the format ${column.format}`
      time = parsed
    }
  }
  const samples: [string, number][] = []
  for (const column of options.columns) {
    if (column.kind !== 'metric') continue
    const cell = cells[column.index]!.trim()
    if (cell === '') continue
    const value = NUMBER.test(cell) ? Number(cell) : SPECIAL[cell.toLowerCase()]
    if (value === undefined) return `column ${column.index + 1}: ${JSON.stringify(cell.slice(0, 40))} is no number`
    samples.push([column.name, value])
  }
  for (const [name, value] of samples) {
    labels.begin()
    labels.addText(METRIC_NAME, name)
    for (const [label, text] of pairs) labels.addText(label, text)
    const problem = labels.finish(true)
    if (problem !== null) return problem
    batch.float(batch.add(labels), time, value)
  }
  return null
}

const SPECIAL: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, '+inf': Infinity, '-inf': -Infinity }

function parseTime(cell: string, format: CsvTime): number | null {
  if (format === 'rfc3339') {
    const ms = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d/.test(cell) ? Date.parse(cell) : NaN
    return Number.isNaN(ms) ? null : ms
  }
  if (!NUMBER.test(cell)) return null
  if (format === 'unix_s') return Math.round(Number(cell) * 1e3)
  return format === 'unix_ms' ? Math.floor(Number(cell)) : Math.floor(Number(cell) / 1e6)
}

function* rows(text: string): Generator<{ cells: string[]; line: number }, void, undefined> {
  let line = 1
  let at = 0
  while (at < text.length) {
    const cells: string[] = []
    const first = line
    for (;;) {
      let cell = ''
      if (text[at] === '"') {
        at++
        for (;;) {
          const close = text.indexOf('"', at)
          const part = text.slice(at, close < 0 ? undefined : close)
          cell += part
          for (const char of part) if (char === '\n') line++
          at = close < 0 ? text.length : close + 1
          if (text[at] !== '"' || close < 0) break
          cell += '"'
          at++
        }
      }
      const start = at
      while (at < text.length && text[at] !== ',' && text[at] !== '\n') at++
      cells.push(cell + text.slice(start, at).replace(/\r$/, ''))
      if (text[at] !== ',') break
      at++
    }
    at++
    line++
    if (cells.length > 1 || cells[0] !== '') yield { cells, line: first }
  }
}
