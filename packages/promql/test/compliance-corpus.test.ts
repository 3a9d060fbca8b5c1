/**
 * The compliance corpus: recorded answers of a stock Prometheus to 404 range queries over 180 series. Every answer must have the same series,
 * the same timestamps and the same values (up to the last digits, which follow the order of additions), and the same annotations.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BatchBuilder, Labels, TsinkError, type QueryResult } from '@tsink/core'
import { rangeQuery } from '@tsink/promql'
import { corpus, ModelStore } from '@tsink/testing'
import { beforeAll, describe, expect, it } from 'vitest'

interface Dataset {
  readonly scrapes: Readonly<Record<string, readonly number[]>>
  readonly series: readonly {
    readonly labels: Readonly<Record<string, string>>
    readonly scrape: string
    readonly values: readonly (number | string | null)[]
  }[]
}

interface Golden {
  readonly query: string
  readonly start: string
  readonly end: string
  readonly step: string
  readonly status: number
  readonly error?: string
  readonly warnings?: readonly string[]
  readonly infos?: readonly string[]
  readonly data?: { readonly result: readonly { readonly metric: Record<string, string>; readonly values: readonly [number, string][] }[] }
}

const found = corpus('promql-compliance')
const suite = found.skip === null ? describe : describe.skip

suite(found.skip ?? 'the compliance corpus', () => {
  const golden: Golden[] =
    found.path === null
      ? []
      : readFileSync(join(found.path, 'golden-range.jsonl'), 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Golden)
  const store = new ModelStore()

  beforeAll(async () => {
    const dataset = JSON.parse(readFileSync(join(found.path!, 'demo-dataset.json'), 'utf8')) as Dataset
    const builder = new BatchBuilder()
    for (const { labels, scrape, values } of dataset.series) {
      const slot = builder.slot(Labels.of(labels))
      for (const [i, value] of values.entries()) {
        const time = dataset.scrapes[scrape]![i]!
        if (value === 'stale') builder.stale(slot, time)
        else if (value !== null) builder.add('f64', slot, time, Number(value))
      }
    }
    const { rejected } = await store.append(builder.build())
    expect(rejected).toBe(0)
  })

  it.each(golden.map((row) => [row.query, row] as const))('%s', async (query, row) => {
    const ms = (seconds: string): number => Math.round(Number(seconds) * 1_000)
    const range = { startMs: ms(row.start), endMs: ms(row.end), stepMs: ms(row.step) }
    let result: QueryResult
    try {
      result = await rangeQuery(query, range, { store })
    } catch (error) {
      if (!(error instanceof TsinkError) || row.status === 200) throw error
      expect(row.error).toContain(error.message)
      return
    }
    expect(row.status).toBe(200)
    expect([...result.warnings].sort()).toEqual([...(row.warnings ?? [])].sort())
    expect([...result.infos].sort()).toEqual([...(row.infos ?? [])].sort())
    expect(different(result, row)).toBeNull()
  })
})

function different(result: QueryResult, row: Golden): string | null {
  if (result.value.type !== 'matrix') return `is a ${result.value.type}`
  const want = row.data!.result
  if (result.value.series.length !== want.length) return `has ${result.value.series.length} series, not ${want.length}`
  for (const [i, series] of result.value.series.entries()) {
    const { metric, values } = want[i]!
    if (!series.labels.equals(Labels.of(metric))) return `has ${series.labels.toString()} where ${JSON.stringify(metric)} should be`
    if (series.values.length !== values.length)
      return `${series.labels.toString()} has ${series.values.length} samples, not ${values.length}`
    for (const [k, [time, text]] of values.entries()) {
      if (series.timestamps[k] !== Math.round(time * 1_000)) return `${series.labels.toString()} has ${series.timestamps[k]}, not ${time}`
      const value = text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text)
      const got = series.values[k]!
      const close = Object.is(got, value) || got === value || Math.abs(got - value) <= 1e-12 * Math.abs(value)
      if (!close) return `${series.labels.toString()} is ${got} at ${time}, not ${text}`
    }
  }
  return null
}
