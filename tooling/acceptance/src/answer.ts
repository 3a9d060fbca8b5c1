/**
 * What a server of the Prometheus kind has stored, written so that a check reads like a table: series as in PromQL, samples as `value` or
 * `value@seconds`. The comparison is of the whole answer: what is lacking, what is too much and what differs all fail it.
 */
import { sleep } from '@tsink/testing'

/** Samples by series: `{ 'up{job="x"}': '1 0 1' }`. */
export type Stored = Readonly<Record<string, string>>

export type Labels = Readonly<Record<string, string>>

interface AnsweredSeries {
  readonly metric: Labels
  readonly value?: readonly [seconds: number, value: string]
  readonly values?: readonly (readonly [seconds: number, value: string])[]
  readonly histograms?: readonly (readonly [seconds: number, histogram: unknown])[]
}

/** How samples are written: with their times, or without. */
export interface StoredOptions {
  readonly times?: boolean
  /** The selector is a whole expression: its value now is wanted, not the samples of the last hour. */
  readonly expression?: boolean
  readonly timeoutMs?: number
}

/** Data of an answer of the API. @throws Error with the server's own words. */
export async function ask<T>(url: string, path: string, form?: Readonly<Record<string, string>>): Promise<T> {
  const init = form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }
  const response = await fetch(`${url}/api/v1/${path}`, init)
  const text = await response.text()
  const body = (text.startsWith('{') ? JSON.parse(text) : { error: text }) as { data?: T; error?: string }
  if (body.data === undefined) throw new Error(`${url}/api/v1/${path} answered ${response.status}: ${body.error}`)
  return body.data
}

/** Everything that a selector finds in the last hour, or the value of an expression now. */
export async function stored(url: string, selector: string, { times = false, expression = false }: StoredOptions = {}): Promise<Stored> {
  const query = expression ? selector : `${selector}[1h]`
  const { result } = await ask<{ result: AnsweredSeries[] }>(url, 'query', { query })
  return Object.fromEntries(
    result.map(({ metric, value, values = value === undefined ? [] : [value], histograms = [] }) => {
      const samples = [...values, ...histograms.map(([seconds, histogram]) => [seconds, JSON.stringify(histogram)] as const)]
      return [printSeries(metric), samples.map(([seconds, text]) => (times ? `${text}@${seconds}` : text)).join(' ')]
    }),
  )
}

/** Waits until a selector finds what is wanted, and nothing else. @throws Error with what differs, after `timeoutMs`. */
export async function untilStored(url: string, selector: string, want: Stored, options: StoredOptions = {}): Promise<void> {
  await untilSame(() => stored(url, selector, options), want, options.timeoutMs)
}

/** Waits until what is read is what is wanted. */
export async function untilSame(read: () => Promise<Stored>, want: Stored, timeoutMs = 15_000): Promise<void> {
  // Nothing is there before anything has been sent, so this would hold at once.
  if (Object.keys(want).length === 0) throw new Error('a check that wants nothing cannot fail')
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const found = unlike(want, await read())
    if (found.length === 0) return
    if (performance.now() > deadline) throw new Error(found.join('; '))
    await sleep(100)
  }
}

/** What differs, a line for each series. */
export function unlike(want: Stored, found: Stored): string[] {
  const lines: string[] = []
  for (const [series, samples] of Object.entries(want)) {
    const other = found[series]
    if (other === undefined) lines.push(`${series} is not there`)
    else if (other !== samples) lines.push(`${series} ${firstDifference(samples, other)}`)
  }
  for (const [series, samples] of Object.entries(found))
    if (!(series in want)) lines.push(`${series} ${samples.slice(0, 200)} should not be there`)
  return lines
}

/** Of long lists one sees only the place where they part. */
function firstDifference(want: string, found: string): string {
  const [left, right] = [want.split(' '), found.split(' ')]
  if (left.length <= 5 && right.length <= 5) return `is ${found || 'empty'}, not ${want}`
  const i = left.findIndex((sample, at) => sample !== right[at])
  if (i < 0) return `has ${right.length} samples, not ${left.length}`
  const counts = left.length === right.length ? '' : `has ${right.length} samples, not ${left.length}; `
  return `${counts}sample ${i} is ${right[i] ?? 'not there'}, not ${left[i]}`
}

/** A label set as PromQL writes it, labels in order. */
export function printSeries(labels: Labels): string {
  const { __name__: name = '', ...others } = labels
  const pairs = Object.entries(others)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`
}
