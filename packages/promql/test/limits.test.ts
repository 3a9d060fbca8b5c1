/**
 * What a query may cost, and how it ends early: budgets name the limit and the flag, a cancel and a deadline end the query at the next slice.
 */
import { Labels, TsinkError, type SampleBuffer, type SelectedSeries, type Selection, type Store } from '@tsink/core'
import { explainPlan, instantQuery, planOf, printExplained, rangeQuery, type QueryOptions } from '@tsink/promql'
import { describe, expect, it } from 'vitest'

const MINUTE = 60_000
const SAMPLES = 1_000

/** A store of endless series that are made while they are read; it counts what is asked of it. */
class EndlessStore implements Pick<Store, 'unit' | 'select'> {
  readonly unit = 'ms' as const
  readonly selections: Selection[] = []
  read = 0
  readonly #series: number

  constructor(series: number) {
    this.#series = series
  }

  async *select(selection: Selection): AsyncGenerator<SelectedSeries[]> {
    this.selections.push(selection)
    for (let i = 0; i < this.#series; i++) {
      const labels = Labels.of({ __name__: 'load_total', instance: String(i), job: String(i % 10) })
      yield [{ labels, kind: 'f64', maxSamples: SAMPLES, read: (into) => this.#fill(into) }]
    }
  }

  #fill(into: SampleBuffer): void {
    into.clear()
    for (let i = 0; i < SAMPLES; i++) into.push(i * 15_000, i)
    this.read++
  }
}

const range = { startMs: 0, endMs: SAMPLES * 15_000, stepMs: MINUTE }

function asStore(store: EndlessStore): Store {
  return store as unknown as Store
}

async function refusal(query: string, store: EndlessStore, options: Partial<QueryOptions>): Promise<TsinkError> {
  const error = await rangeQuery(query, range, { store: asStore(store), ...options }).then(
    () => null,
    (e: unknown) => e,
  )
  expect(error).toBeInstanceOf(TsinkError)
  return error as TsinkError
}

describe('budgets', () => {
  it('refuse more samples than allowed, and say which flag changes that', async () => {
    const error = await refusal('load_total', new EndlessStore(1_000), { maxSamples: 2_000 })
    expect(error.code).toBe('QUERY_SAMPLES')
    expect(error.message).toBe('query processing would load too many samples into memory in query execution')
    expect(error.detail).toEqual({ limit: 2_000, flag: '--query.max-samples' })
  })

  it('refuse more memory than allowed before it is taken', async () => {
    const store = new EndlessStore(1_000_000)
    const error = await refusal('load_total', store, { maxMemoryBytes: 1_000_000 })
    expect(error.code).toBe('QUERY_MEMORY')
    expect(error.detail).toEqual({ limit: 1_000_000, flag: '--query.max-memory' })
    // One result series takes more than 2 kB: far fewer than all were read.
    expect(store.read).toBeLessThan(500)
  })

  it('refuse more series than allowed', async () => {
    const error = await refusal('sum(load_total)', new EndlessStore(1_000), { maxSeries: 100 })
    expect(error.code).toBe('QUERY_SERIES')
    expect(error.detail['flag']).toBe('--query.max-series')
  })

  it('let an aggregation stream over any number of series', async () => {
    const result = await rangeQuery('sum by (job) (rate(load_total[5m]))', range, {
      store: asStore(new EndlessStore(3_000)),
      maxMemoryBytes: 200_000,
      maxSamples: 20_000,
    })
    expect(result.value.type === 'matrix' && result.value.series.length).toBe(10)
  })
})

describe('ending early', () => {
  it('a cancel ends the query at the next slice', async () => {
    const store = new EndlessStore(1_000_000)
    const abort = new AbortController()
    let canceledAt = 0
    setTimeout(() => {
      canceledAt = performance.now()
      abort.abort()
    }, 30)
    const error = await refusal('sum(rate(load_total[5m]))', store, {
      signal: abort.signal,
      now: () => performance.now(),
      yieldToHost: () => new Promise((resolve) => setImmediate(resolve)),
    })
    expect(error.code).toBe('CANCELED')
    expect(performance.now() - canceledAt).toBeLessThan(50)
  })

  it('a deadline ends the query', async () => {
    let time = 0
    const error = await refusal('sum(load_total)', new EndlessStore(1_000_000), { now: () => time++, deadlineMs: 500 })
    expect(error.code).toBe('DEADLINE')
    expect(error.message).toBe('query timed out in expression evaluation')
  })

  it('a single series with much to look at yields too, and its parts make the same result', async () => {
    // Windows of all samples at every step: far more than one slice's work.
    const text = 'sum_over_time(load_total[5h]) + quantile_over_time(0.3, load_total[5h])'
    const wide = { startMs: 0, endMs: 20_000_000, stepMs: 5_000 }
    let turns = 0
    let time = 0
    const sliced = await rangeQuery(text, wide, {
      store: asStore(new EndlessStore(1)),
      now: () => (time += 20),
      yieldToHost: async () => {
        turns++
      },
    })
    expect(turns).toBeGreaterThan(5)
    const [series] = sliced.value.type === 'matrix' ? sliced.value.series : []
    for (const at of [0, 1_000, 2_500, series!.values.length - 1]) {
      const alone = await instantQuery(text, series!.timestamps[at]!, { store: asStore(new EndlessStore(1)) })
      expect(alone.value.type === 'vector' && alone.value.samples[0]!.value).toBe(series!.values[at])
    }
  })

  it('a subquery of too many steps is refused before it runs', async () => {
    const store = new EndlessStore(1)
    const error = await refusal('sum_over_time(load_total[10y:1ms])', store, {})
    expect(error.code).toBe('QUERY_MEMORY')
    expect(store.read).toBe(0)
  })

  it('the host gets a turn after every slice', async () => {
    let time = 0
    let turns = 0
    await rangeQuery('sum(load_total)', range, {
      store: asStore(new EndlessStore(100)),
      now: () => time++,
      sliceMs: 10,
      yieldToHost: async () => {
        turns++
      },
    })
    expect(turns).toBeGreaterThan(10)
  })
})

describe('what the store is asked', () => {
  const ask = async (query: string): Promise<Selection[]> => {
    const store = new EndlessStore(1)
    await instantQuery(query, 600_000, { store: asStore(store) })
    return store.selections
  }

  it('matchers and exact bounds, open on the left', async () => {
    const [selection] = await ask('rate(load_total{job="1"}[5m] offset 1m)')
    expect(selection!.matchers.map(String)).toEqual(['job="1"', '__name__="load_total"'])
    expect([selection!.minTime, selection!.maxTime]).toEqual([240_001, 540_000])
    expect(selection!.hints).toEqual({ func: 'rate', step: 0, range: 300_000 })
  })

  it('what occurs twice is read once', async () => {
    expect(await ask('load_total / sum(load_total)')).toHaveLength(1)
    expect(await ask('rate(load_total[5m]) > 0.5 * rate(load_total[5m])')).toHaveLength(1)
    expect(await ask('load_total + load_total offset 1m')).toHaveLength(2)
  })

  it('what does not depend on the step is computed once', async () => {
    const store = new EndlessStore(1)
    const result = await rangeQuery('load_total - load_total @ 0', range, { store: asStore(store), analyze: true })
    expect(printExplained(result.analysis!)).toContain('once')
    expect(store.selections[1]!.maxTime).toBe(0)
  })
})

describe('explain', () => {
  const options = { store: asStore(new EndlessStore(3)) }

  it('prints the plan', () => {
    const plan = planOf('sum by (job) (rate(load_total{job!="x"}[5m])) > 1', range, options)
    expect(printExplained(explainPlan(plan))).toBe(
      ['each >', '  aggregate sum by (job)', '    window rate {job!="x", __name__="load_total"}[5m]', '  number 1'].join('\n'),
    )
  })

  it('analyze adds what each operator took', async () => {
    const result = await rangeQuery('sum(rate(load_total[5m]))', range, { ...options, analyze: true, now: () => performance.now() })
    const { analysis } = result
    expect(analysis!.operator).toBe('aggregate sum')
    expect(analysis!.series).toBe(1)
    expect(analysis!.inputs[0]!.series).toBe(3)
    expect(analysis!.inputs[0]!.samplesRead).toBe(3 * SAMPLES)
  })

  it('statistics count samples by step', async () => {
    const result = await rangeQuery(
      'rate(load_total[2m])',
      { startMs: 300_000, endMs: 420_000, stepMs: MINUTE },
      { ...options, stats: true },
    )
    expect([...result.stats.queryableSamples!]).toEqual([24, 24, 24])
    expect([...result.stats.newSamples!]).toEqual([24, 12, 12])
  })
})
