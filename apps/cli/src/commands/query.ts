/**
 * `tsink query`: one expression, at one time or over a range, printed as a table or as Prometheus's JSON.
 */
import { TsinkError, type QueryResult, type Store } from '@tsink/core'
import { parseDuration, parseTime } from '@tsink/server'
import { post } from '../post.ts'
import { urlOf, type Target } from '../target.ts'
import { openFolder } from '../open-folder.ts'
import { printTable, type Answer } from '../table.ts'

export interface QueryCommand extends Target {
  readonly time?: string
  readonly start?: string
  readonly end?: string
  readonly step: string
  readonly output: 'table' | 'json'
}

export async function query(expr: string, options: QueryCommand): Promise<void> {
  const url = urlOf(options)
  const json = url === null ? await ask(expr, options) : await fetchAnswer(url, expr, options)
  if (options.output === 'json') {
    process.stdout.write(`${json}\n`)
    return
  }
  const answer = JSON.parse(json) as Answer
  for (const note of [...(answer.warnings ?? []), ...(answer.infos ?? [])]) process.stderr.write(`${note}\n`)
  process.stdout.write(printTable(answer))
}

async function fetchAnswer(url: string, expr: string, options: QueryCommand): Promise<string> {
  const parameters = new URLSearchParams({ query: expr })
  for (const name of ['time', 'start', 'end'] as const) if (options[name] !== undefined) parameters.set(name, options[name])
  if (options.start !== undefined) {
    parameters.set('step', options.step)
    if (options.end === undefined) parameters.set('end', String(Date.now() / 1_000))
  }
  const path = options.start === undefined ? 'query' : 'query_range'
  const response = await post(`${url}/api/v1/${path}`, parameters)
  const body = await response.text()
  if (response.ok) return body
  throw new TsinkError('BAD_REQUEST', refusal(body) ?? `${url} answered ${response.status}: ${body.slice(0, 500)}`)
}

function refusal(body: string): string | null {
  try {
    return (JSON.parse(body) as { error?: string }).error ?? null
  } catch {
    return null
  }
}

async function ask(expr: string, options: QueryCommand): Promise<string> {
  const { encodeQueryResult } = await import('@tsink/protocols')
  const store = await openFolder(options.dataPath!)
  try {
    return Buffer.concat([...encodeQueryResult(await evaluate(store, expr, options))]).toString()
  } finally {
    await store.close()
  }
}

async function evaluate(store: Store, expr: string, options: QueryCommand): Promise<QueryResult> {
  const { ALL_FEATURES, instantQuery, rangeQuery } = await import('@tsink/promql')
  const evaluation = { store, features: ALL_FEATURES, now: () => performance.now() }
  if (options.start === undefined) return instantQuery(expr, timeOf('--time', options.time), evaluation)
  const step = parseDuration(options.step) ?? Number(options.step) * 1_000
  if (!(step > 0)) throw new TsinkError('BAD_CONFIG', `--step: ${JSON.stringify(options.step)} is not a duration such as 30s or 5m`)
  return rangeQuery(expr, { startMs: timeOf('--start', options.start), endMs: timeOf('--end', options.end), stepMs: step }, evaluation)
}

function timeOf(flag: string, text: string | undefined): number {
  if (text === undefined) return Date.now()
  const time = parseTime(text)
  if (time === null) throw new TsinkError('BAD_CONFIG', `${flag}: ${JSON.stringify(text)} is neither Unix seconds nor RFC 3339`)
  return time
}
