/**
 * The column map of CSV imports, as VictoriaMetrics writes it: for each column that is used its number (from 1), what it is, and how.
 *
 *     2:metric:ask,3:metric:bid,1:label:ticker,4:time:unix_s
 *     time formats: unix_s, unix_ms, unix_ns, rfc3339
 */
import { TsinkError } from '@tsink/core'
import { CSV_LIMITS } from './limits.ts'

export type CsvTime = 'unix_s' | 'unix_ms' | 'unix_ns' | 'rfc3339'

export type CsvColumn =
  | { readonly index: number; readonly kind: 'metric'; readonly name: string }
  | { readonly index: number; readonly kind: 'label'; readonly name: string }
  | { readonly index: number; readonly kind: 'time'; readonly format: CsvTime }

const TIMES = new Set<string>(['unix_s', 'unix_ms', 'unix_ns', 'rfc3339'])

/** @throws TsinkError BAD_REQUEST that says what is wrong with the map. */
export function parseCsvFormat(format: string): CsvColumn[] {
  const fail = (problem: string): never => {
    throw new TsinkError('BAD_REQUEST', `the CSV format ${JSON.stringify(format.slice(0, 200))}: ${problem}`)
  }
  const parts = format.split(',').map((part) => part.trim())
  if (format.trim() === '') fail('is empty; expected for example 1:metric:ask,2:label:ticker,3:time:unix_s')
  if (parts.length > CSV_LIMITS.columns) fail(`has more than ${CSV_LIMITS.columns} columns`)
  const columns = parts.map((part): CsvColumn => {
    const [number, kind, ...rest] = part.split(':')
    const name = rest.join(':')
    const index = Number(number) - 1
    if (!Number.isInteger(index) || index < 0) fail(`the column ${JSON.stringify(number)} is no number from 1 on`)
    if (kind === 'metric' || kind === 'label') {
      if (name === '') fail(`column ${number} has no name`)
      return { index, kind, name }
    }
    if (kind !== 'time') return fail(`column ${number} is a ${JSON.stringify(kind)}; expected metric, label or time`)
    if (!TIMES.has(name)) fail(`the time format ${JSON.stringify(name)} is none of ${[...TIMES].join(', ')}`)
    return { index, kind, format: name as CsvTime }
  })
  if (!columns.some(({ kind }) => kind === 'metric')) fail('has no metric')
  if (columns.filter(({ kind }) => kind === 'time').length > 1) fail('has more than one time')
  return columns
}

export const CSV_CONTENT_TYPE = 'text/csv; charset=utf-8'
