/** Series as CSV: one row for each sample, with the columns that the request names. */
import { isStale, METRIC_NAME, TsinkError, type Labels, type SampleBuffer } from '@tsink/core'
import { printShortest } from '../decimal.ts'
import type { CsvTime } from './content.ts'

/** `__name__`, `__value__`, `__timestamp__` or `__timestamp__:unix_s`, or a label. */
export type CsvField =
  | { readonly kind: 'value' }
  | { readonly kind: 'time'; readonly format: CsvTime }
  | { readonly kind: 'label'; readonly name: string }

/** Fields from text such as `__name__,job,__value__,__timestamp__:rfc3339`. @throws TsinkError BAD_REQUEST */
export function parseCsvFields(format: string): CsvField[] {
  return format.split(',').map((part): CsvField => {
    const text = part.trim()
    if (text === '') throw new TsinkError('BAD_REQUEST', `the CSV format ${JSON.stringify(format.slice(0, 200))} has an empty field`)
    if (text === '__value__') return { kind: 'value' }
    const [name, time] = text.split(':')
    if (name !== '__timestamp__') return { kind: 'label', name: text === '__name__' ? METRIC_NAME : text }
    const formats: readonly string[] = ['unix_s', 'unix_ms', 'unix_ns', 'rfc3339']
    if (time !== undefined && !formats.includes(time))
      throw new TsinkError('BAD_REQUEST', `the time format ${JSON.stringify(time)} is none of ${formats.join(', ')}`)
    return { kind: 'time', format: (time ?? 'unix_ms') as CsvTime }
  })
}

/** The rows of one series in pieces of text. Strings and integers are written in full; native histograms, bytes and stale markers are left out. */
export function* encodeCsv(labels: Labels, samples: SampleBuffer, fields: readonly CsvField[]): Generator<string, void, undefined> {
  if (samples.kind === 'bytes') return
  const fixed = fields.map((field) => (field.kind === 'label' ? quoted(labels.get(field.name)) : null))
  let text = ''
  for (let i = 0; i < samples.count; i++) {
    if (samples.histograms?.[i] !== undefined || (samples.blobs === null && isStale(samples.values, i))) continue
    for (let j = 0; j < fields.length; j++) {
      const field = fields[j]!
      if (j > 0) text += ','
      if (field.kind === 'label') text += fixed[j]!
      else if (field.kind === 'value') text += valueAt(samples, i)
      else text += printTime(samples.base + samples.timestamps[i]!, field.format)
    }
    text += '\n'
    if (text.length < 65_536) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

function valueAt({ kind, values, integers, blobs }: SampleBuffer, i: number): string {
  if (blobs !== null) return quoted(new TextDecoder().decode(blobs[i]!))
  if (integers !== null) return String(kind === 'u64' ? BigInt.asUintN(64, integers[i]!) : integers[i]!)
  return printShortest(values[i]!)
}

function printTime(ms: number, format: CsvTime): string {
  switch (format) {
    case 'unix_s':
      return String(ms / 1e3)
    case 'unix_ms':
      return String(ms)
    case 'unix_ns':
      return `${ms}000000`
    case 'rfc3339':
      return new Date(ms).toISOString()
  }
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text
}
