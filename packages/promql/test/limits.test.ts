/**
 * What a query may cost, and how it ends early: budgets name the limit and the flag, a cancel and a deadline end the query at the next slice.
 */
import { histogram, Labels, TsinkError, type SampleBuffer, type SelectedSeries, type Selection, type Store } from '@tsink/core'
import { ALL_FEATURES, explainPlan, instantQuery, planOf, printExplained, rangeQuery, type QueryOptions } from '@tsink/promql'
import { describe, expect, it } from 'vitest'

const MINUTE = 60_000
const SAMPLES = 1_000

/** A store of endless series that are made while they are read; it counts what is asked of it. */
class EndlessStore implements Pick<Store, 'unit' | 'select'> {
  readonly unit = 'ms' as const
  readonly selections: Selection[] = []
  read = 0
  readonly #series: number
  readonly #fillSample: (into: SampleBuffer, i: number) => void

  constructor(series: number, fillSample = (into: SampleBuffer, i: number): void => into.push(i * 15_000, i)) {
    this.#series = series
    this.#fillSample = fillSample
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
    for (let i = 0; i < SAMPLES; i++) this.#fillSample(into, i)
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

  describe('within one series', () => {
    // Windows of up to all samples at each of 10 001 steps: several slices' work.
    const wide = { startMs: 0, endMs: 20_000_000, stepMs: 2_000 }
    // What a query takes turns for besides.
    const OTHER_TURNS = 4
    const noise = (i: number): number => Math.sin(i * i) * 10
    const noisy = (): Store => asStore(new EndlessStore(1, (into, i) => into.push(i * 15_000, i % 97 === 0 ? Number.NaN : noise(i))))

    const ofHistograms = (): Store =>
      asStore(
        new EndlessStore(1, (into, i) => {
          if (i % 500 === 0) {
            into.push(i * 15_000, i)
            return
          }
          const count = (i % 100) + 1
          const buckets = { positiveSpans: [{ offset: 0, length: 1 }], positiveBuckets: Float64Array.of(count) }
          into.pushHistogram(i * 15_000, histogram({ schema: 0, count, sum: count / 3, ...buckets }))
        }),
      )
    const cases: readonly [text: string, store: () => Store][] = [
      ...[
        'sum_over_time(x[5h])',
        'avg_over_time(x[5h])',
        'stddev_over_time(x[5h])',
        'stdvar_over_time(x[5h])',
        'quantile_over_time(0.3, x[5h])',
        'mad_over_time(x[5h])',
        'deriv(x[5h])',
        'predict_linear(x[5h], 60)',
        'double_exponential_smoothing(x[5h], 0.3, 0.4)',
        'rate(x[5h])',
        'rate(x[5h] anchored)',
        'changes(x[5h] anchored)',
      ].map((text): [string, () => Store] => [text, noisy]),
      ['histogram_sum(sum_over_time(x[20m]))', ofHistograms],
      ['histogram_sum(increase(x[20m]))', ofHistograms],
    ]
    const evaluator = { features: { ...ALL_FEATURES, delayedNameRemoval: false } }

    it.each(cases)('%s yields, and its parts make the same result', async (text, store) => {
      let turns = 0
      let time = 0
      const yieldToHost = async (): Promise<void> => {
        turns++
      }
      const sliced = await rangeQuery(text, wide, { ...evaluator, store: store(), now: () => (time += 20), yieldToHost })
      expect(turns).toBeGreaterThan(OTHER_TURNS + 1)
      const [series] = sliced.value.type === 'matrix' ? sliced.value.series : []
      const { timestamps, values } = series!
      for (let at = 0; at < values.length; at += 197) {
        const alone = await instantQuery(text, timestamps[at]!, { ...evaluator, store: store() })
        expect(alone.value.type === 'vector' && alone.value.samples[0]!.value).toBe(values[at])
      }
    })

    it.each(cases)('%s ends in the slice of a cancel', async (text, store) => {
      const abort = new AbortController()
      let turns = 0
      let time = 0
      const yieldToHost = async (): Promise<void> => {
        if (++turns === OTHER_TURNS + 1) abort.abort()
      }
      const ended = rangeQuery(text, wide, { ...evaluator, store: store(), now: () => (time += 20), yieldToHost, signal: abort.signal })
      await expect(ended).rejects.toMatchObject({ code: 'CANCELED' })
      expect(turns).toBe(OTHER_TURNS + 1)
    })

    it('a deadline ends it', async () => {
      let turns = 0
      let now = 0
      const yieldToHost = async (): Promise<void> => {
        if (++turns === 3) now = 1_000
      }
      const ended = rangeQuery('mad_over_time(x[5h])', wide, {
        ...evaluator,
        store: noisy(),
        now: () => now,
        deadlineMs: 500,
        sliceMs: 0,
        yieldToHost,
      })
      await expect(ended).rejects.toMatchObject({ code: 'DEADLINE' })
      expect(turns).toBe(3)
    })

    it('what takes one walk is not cut', async () => {
      for (const text of ['max_over_time(x[5h])', 'count_over_time(x[5h])', 'sum_over_time(x[5h])', 'rate(x[5h])']) {
        let turns = 0
        let time = 0
        const yieldToHost = async (): Promise<void> => {
          turns++
        }
        await rangeQuery(text, wide, { store: asStore(new EndlessStore(1)), now: () => (time += 20), yieldToHost })
        expect(turns).toBeLessThanOrEqual(OTHER_TURNS)
      }
    })
  })

  it('a quantile of many samples is that of the sorted samples', async () => {
    const shapes: readonly ((i: number) => number)[] = [
      (i) => i,
      (i) => -i,
      (i) => i % 7,
      (i) => Math.min(i, SAMPLES - i),
      (i) => Math.sin(i * i),
      (i) => (i % 3 === 0 ? Number.NaN : (i * 7_919) % 1_009),
      (i) => (i % 2 === 0 ? Number.NEGATIVE_INFINITY : i),
      () => 4,
    ]
    for (const shape of shapes) {
      const store = asStore(new EndlessStore(1, (into, i) => into.push(i * 15_000, shape(i))))
      const all = Array.from({ length: SAMPLES }, (_, i) => shape(i))
      const sorted = [...all.filter(Number.isNaN), ...all.filter((v) => !Number.isNaN(v)).sort((a, b) => a - b)]
      for (const q of [0, 0.25, 1 / 3, 0.5, 0.9, 0.999, 1]) {
        const rank = q * (SAMPLES - 1)
        const lower = Math.floor(rank)
        const upper = Math.min(SAMPLES - 1, lower + 1)
        const want = sorted[lower]! * (1 - (rank - lower)) + sorted[upper]! * (rank - lower)
        const { value } = await instantQuery(`quantile_over_time(${q}, x[5h])`, SAMPLES * 15_000, { store })
        expect(value.type === 'vector' && value.samples[0]!.value).toBe(want)
      }
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
