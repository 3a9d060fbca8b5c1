/** Label sets are kept between selections: whatever pushes whatever out, every selection gets its own series, each once. */
import { expect, it } from 'vitest'
import { Labels, Matcher, SampleBuffer, SeriesTable } from '@tsink/core'
import { memoryHost } from '@tsink/host/memory'
import { Engine } from '@tsink/engine'

const HOSTS = 1_500
const METRICS = ['a', 'b', 'c']

function labelsOf(metric: string, host: number): Labels {
  return Labels.of({ __name__: metric, host: `host-${host}`, padding: 'x'.repeat(40) })
}

/** One sample for every series, at `time`; every third host of metric c has none at odd times, so that units hold different series. */
function append(engine: Engine, time: number): void {
  const series = new SeriesTable()
  for (const metric of METRICS) {
    for (let host = 0; host < HOSTS; host++) if (metric !== 'c' || host % 3 !== 0 || time % 2 === 0) series.add(labelsOf(metric, host))
  }
  const { count } = series
  const { accepted } = engine.appendNow({
    series,
    samples: [
      {
        kind: 'f64',
        count,
        slots: Uint32Array.from({ length: count }, (_, i) => i),
        base: 0,
        timestamps: new Float64Array(count).fill(time),
        values: new Float64Array(count).fill(time),
      },
    ],
  })
  expect(accepted).toBe(count)
}

// The budget leaves room for the label sets of one metric at most, or for those of all.
for (const memoryBytes of [8 * 1_048_576, 512 * 1_048_576]) {
  it(`selections side by side get their series with ${memoryBytes >> 20} MiB`, { timeout: 60_000 }, async () => {
    const engine = await Engine.open(memoryHost(), { background: false, sync: 'none', memoryBytes })
    for (let time = 1; time <= 4; time++) {
      append(engine, time)
      if (time < 4) await engine.flush()
    }
    const buffer = new SampleBuffer()
    const check = async (metric: string): Promise<void> => {
      const found = new Map<string, number>()
      const matchers = [new Matcher('=', '__name__', metric)]
      for await (const page of engine.select({ matchers, minTime: 1, maxTime: 4 })) {
        for (const series of page) {
          series.read(buffer)
          expect(found.has(series.labels.key())).toBe(false)
          found.set(series.labels.key(), buffer.count)
        }
      }
      expect(found.size).toBe(HOSTS)
      for (let host = 0; host < HOSTS; host++) {
        expect(found.get(labelsOf(metric, host).key())).toBe(metric === 'c' && host % 3 === 0 ? 2 : 4)
      }
    }
    for (let round = 0; round < 2; round++) await Promise.all([...METRICS, ...METRICS].map(check))
    // One after the other: beyond the share of the budget there is at most what the last one has added.
    for (const metric of METRICS) await check(metric)
    expect(engine.stats().memory.labelBytes).toBeLessThan(memoryBytes / 32 + HOSTS * 800)
    await engine.close()
  })
}

it('a few series of large segments take little', async () => {
  const engine = await Engine.open(memoryHost(), { background: false, sync: 'none', memoryBytes: 512 * 1_048_576 })
  const segments = 3
  for (let time = 1; time <= segments; time++) {
    const series = new SeriesTable()
    for (let i = 0; i < 30_000; i++) series.add(Labels.of({ __name__: 'many', i: String(i) }))
    const { count } = series
    const slots = Uint32Array.from({ length: count }, (_, i) => i)
    const timestamps = new Float64Array(count).fill(time)
    engine.appendNow({ series, samples: [{ kind: 'f64', count, slots, base: 0, timestamps, values: timestamps }] })
    await engine.flush()
  }
  const matchers = [Matcher.metric('many'), Matcher.equal('i', '7')]
  for await (const page of engine.select({ matchers, minTime: 1, maxTime: segments })) expect(page).toHaveLength(1)
  expect(engine.stats().memory.labelBytes).toBeLessThan(segments * 20_000)
  await engine.close()
})
