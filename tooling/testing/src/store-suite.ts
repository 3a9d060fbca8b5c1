/**
 * The suite that every Store must pass: one list of cases for the engine, the cluster, the HTTP client and the model itself. A store's own
 * test is a call of this with a way to make it empty.
 */
import assert from 'node:assert/strict'
import {
  BatchBuilder,
  histogram,
  isStale,
  Labels,
  Matcher,
  SampleBuffer,
  STALE,
  TsinkError,
  type Selection,
  type SelectedSeries,
  type Store,
} from '@tsink/core'

/** The parts of a test framework that the suite needs; vitest's and node:test's fit. */
export interface TestFramework {
  readonly describe: (name: string, body: () => void) => void
  readonly it: (name: string, body: () => Promise<void>) => void
}

/** Registers the cases for one kind of store. `create` makes an empty store in milliseconds that accepts all times from 0 on. */
export function storeSuite(name: string, create: () => Promise<Store>, { describe, it }: TestFramework): void {
  describe(`${name} as a Store`, () => {
    for (const [title, run] of Object.entries(CASES)) {
      it(title, async () => {
        const store = await create()
        try {
          await run(store)
        } finally {
          await store.close()
        }
      })
    }
  })
}

/** What a selection yields, as rows that a test can compare: `labels -> [time, value][]`. Histograms are shown by their sum. */
export async function selectAll(
  store: Store,
  selection: Partial<Selection> & Pick<Selection, 'matchers'>,
): Promise<Record<string, [number, number][]>> {
  const found: Record<string, [number, number][]> = {}
  await forEachSeries(store, selection, (series, buffer) => {
    const key = series.labels.toString()
    assert.ok(!(key in found), `${key} comes twice`)
    found[key] = Array.from({ length: buffer.count }, (_, i) => [buffer.base + buffer.timestamps[i]!, buffer.values[i]!])
  })
  return found
}

async function forEachSeries(
  store: Store,
  selection: Partial<Selection> & Pick<Selection, 'matchers'>,
  visit: (series: SelectedSeries, buffer: SampleBuffer) => void,
): Promise<void> {
  const buffer = new SampleBuffer()
  for await (const page of store.select({ minTime: 0, maxTime: 8.64e15, ...selection })) {
    for (const series of page) {
      series.read(buffer)
      visit(series, buffer)
    }
  }
}

const up = (job: string): Labels => Labels.of({ __name__: 'up', job })
const UP = [Matcher.metric('up')]

async function write(store: Store, ...rows: readonly (readonly [labels: Labels, time: number, value: number])[]): Promise<void> {
  const builder = new BatchBuilder()
  for (const [labels, time, value] of rows) builder.float(builder.slot(labels), time, value)
  const result = await store.append(builder.build())
  assert.equal(result.rejected, 0, result.rejections[0]?.message)
  assert.equal(result.accepted, rows.length)
}

const CASES: Readonly<Record<string, (store: Store) => Promise<void>>> = {
  'gives back what was written': async (store) => {
    await write(store, [up('a'), 1_000, 1], [up('b'), 1_000, 2], [up('a'), 2_000, 3])
    assert.deepEqual(await selectAll(store, { matchers: UP }), {
      'up{job="a"}': [
        [1_000, 1],
        [2_000, 3],
      ],
      'up{job="b"}': [[1_000, 2]],
    })
  },

  'selects in the order of labels when asked': async (store) => {
    const all = ['b', 'a', 'aa', 'ab', 'é', 'z'].flatMap((job) => [
      Labels.of({ __name__: 'up', job }),
      Labels.of({ __name__: 'up', job, Zone: job }),
      Labels.of({ __name__: 'up', job, ['n'.repeat(200)]: 'x' }),
      Labels.of({ __name__: 'up', 'job.': job }),
    ])
    await write(store, ...all.map((labels) => [labels, 1_000, 1] as const))
    const found: string[] = []
    for await (const page of store.select({ matchers: UP, minTime: 0, maxTime: 2_000, inLabelOrder: true })) {
      for (const series of page) found.push(series.labels.toString())
    }
    assert.deepEqual(
      found,
      all.toSorted((a, b) => a.compare(b)).map((labels) => labels.toString()),
    )
  },

  'selects many series in the order of labels': async (store) => {
    const jobs = Array.from({ length: 10_000 }, (_, i) => `job-${(i * 7_919) % 10_007}`)
    await write(store, ...jobs.map((job) => [Labels.of({ __name__: 'up', job }), 1_000, 1] as const))
    const found: string[] = []
    for await (const page of store.select({ matchers: UP, minTime: 0, maxTime: 2_000, inLabelOrder: true })) {
      for (const series of page) found.push(series.labels.get('job'))
    }
    assert.deepEqual(found, jobs.toSorted())
  },

  'selects inclusive time ranges': async (store) => {
    await write(store, [up('a'), 1_000, 1], [up('a'), 2_000, 2], [up('a'), 3_000, 3])
    const range = await selectAll(store, { matchers: UP, minTime: 2_000, maxTime: 3_000 })
    assert.deepEqual(range['up{job="a"}'], [
      [2_000, 2],
      [3_000, 3],
    ])
    assert.deepEqual(await selectAll(store, { matchers: UP, minTime: 3_001 }), {})
  },

  'sorts samples that come out of order, however old': async (store) => {
    const day = 86_400_000
    await write(store, [up('a'), 5 * day, 5])
    await write(store, [up('a'), day, 1], [up('a'), 9 * day, 9], [up('a'), 3 * day, 3])
    await write(store, [up('a'), 2 * day, 2])
    const found = await selectAll(store, { matchers: UP })
    assert.deepEqual(
      found['up{job="a"}']!.map(([, value]) => value),
      [1, 2, 3, 5, 9],
    )
  },

  'lets the later of two samples at one time win, in one batch and across batches': async (store) => {
    await write(store, [up('a'), 1_000, 1], [up('a'), 1_000, 2])
    assert.deepEqual((await selectAll(store, { matchers: UP }))['up{job="a"}'], [[1_000, 2]])
    await write(store, [up('a'), 2_000, 3])
    await write(store, [up('a'), 1_000, 4])
    assert.deepEqual((await selectAll(store, { matchers: UP }))['up{job="a"}'], [
      [1_000, 4],
      [2_000, 3],
    ])
  },

  'resolves every type of matcher, with absent labels as empty values': async (store) => {
    const series = [up('api'), up('web'), Labels.of({ __name__: 'up' }), Labels.of({ __name__: 'up', env: 'dev', job: 'api' })]
    await write(store, ...series.map((labels) => [labels, 1_000, 1] as const))
    const names = async (...matchers: Matcher[]): Promise<string[]> =>
      Object.keys(await selectAll(store, { matchers: [...UP, ...matchers] })).sort()
    assert.deepEqual(await names(new Matcher('=', 'job', 'api')), ['up{env="dev", job="api"}', 'up{job="api"}'])
    assert.deepEqual(await names(new Matcher('!=', 'job', 'api')), ['up', 'up{job="web"}'])
    assert.deepEqual(await names(new Matcher('=~', 'job', 'a.*|web')), ['up{env="dev", job="api"}', 'up{job="api"}', 'up{job="web"}'])
    assert.deepEqual(await names(new Matcher('!~', 'job', 'a.*')), ['up', 'up{job="web"}'])
    assert.deepEqual(await names(new Matcher('=', 'env', '')), ['up', 'up{job="api"}', 'up{job="web"}'])
    assert.deepEqual(await names(new Matcher('=~', 'env', '.*'), new Matcher('=', 'job', 'api')), [
      'up{env="dev", job="api"}',
      'up{job="api"}',
    ])
    assert.deepEqual(await names(new Matcher('!=', 'env', '')), ['up{env="dev", job="api"}'])
    assert.deepEqual(await names(new Matcher('=~', 'env', '.+')), ['up{env="dev", job="api"}'])
    assert.deepEqual(await names(new Matcher('=', 'nothing', 'x')), [])
  },

  'keeps special floats bit for bit': async (store) => {
    const values = Float64Array.of(-0, NaN, Infinity, -Infinity, 5e-324, 1.7976931348623157e308, 0)
    values.set(STALE, 6)
    const builder = new BatchBuilder()
    const slot = builder.slot(up('a'))
    for (let i = 0; i < 6; i++) builder.float(slot, 1_000 + i, values[i]!)
    builder.stale(slot, 1_006)
    await store.append(builder.build())
    await forEachSeries(store, { matchers: UP }, (_, buffer) => {
      assert.equal(buffer.count, 7)
      assert.ok(Object.is(buffer.values[0], -0))
      assert.ok(Number.isNaN(buffer.values[1]) && !isStale(buffer.values, 1))
      assert.deepEqual([...buffer.values.subarray(2, 6)], [Infinity, -Infinity, 5e-324, 1.7976931348623157e308])
      assert.ok(isStale(buffer.values, 6))
    })
  },

  'keeps floats and native histograms in one series': async (store) => {
    const builder = new BatchBuilder()
    const slot = builder.slot(up('a'))
    const buckets = { positiveSpans: [{ offset: 0, length: 2 }], positiveBuckets: Float64Array.of(1, 2) }
    builder.add('histogram', slot, 1_000, histogram({ count: 3, sum: 4.5, schema: 2, ...buckets }))
    builder.float(slot, 2_000, 7)
    const result = await store.append(builder.build())
    assert.equal(result.accepted, 2)
    await forEachSeries(store, { matchers: UP }, (series, buffer) => {
      assert.equal(series.kind, 'f64')
      assert.equal(buffer.count, 2)
      assert.equal(buffer.histograms?.[1], undefined)
      assert.equal(buffer.values[1], 7)
      const stored = buffer.histograms?.[0]
      assert.deepEqual([stored?.count, stored?.sum, stored?.schema, [...stored!.positiveBuckets]], [3, 4.5, 2, [1, 2]])
    })
  },

  'keeps integers, strings and bytes exactly and refuses another kind for the same series': async (store) => {
    const builder = new BatchBuilder()
    builder.add('i64', builder.slot(up('i')), 1_000, -9223372036854775808n)
    builder.add('u64', builder.slot(up('u')), 1_000, 18446744073709551615n)
    builder.add('string', builder.slot(up('s')), 1_000, 'grün')
    builder.add('bytes', builder.slot(up('b')), 1_000, Uint8Array.of(0, 255))
    builder.add('bool', builder.slot(up('t')), 1_000, 1)
    builder.float(builder.slot(up('i')), 2_000, 1)
    const result = await store.append(builder.build())
    assert.equal(result.accepted, 5)
    assert.deepEqual(
      result.rejections.map(({ reason }) => reason),
      ['kind_mismatch'],
    )
    const found: Record<string, unknown> = {}
    await forEachSeries(store, { matchers: UP }, (series, buffer) => {
      found[series.labels.get('job')] = buffer.integers?.[0] ?? buffer.blobs?.[0] ?? buffer.values[0]
    })
    assert.equal(found['i'], -9223372036854775808n)
    assert.equal(BigInt.asUintN(64, found['u'] as bigint), 18446744073709551615n)
    assert.equal(new TextDecoder().decode(found['s'] as Uint8Array), 'grün')
    assert.deepEqual([...(found['b'] as Uint8Array)], [0, 255])
    assert.equal(found['t'], 1)
  },

  'takes the good samples of a batch and gives a reason for each bad one': async (store) => {
    const builder = new BatchBuilder()
    builder.float(builder.slot(up('a')), 1_000, 1)
    builder.float(builder.series.add(Labels.of({ __name__: 'up', job: 'x'.repeat(20_000) })), 1_000, 2)
    builder.float(builder.slot(up('a')), 1_000.5, 3)
    const result = await store.append(builder.build())
    assert.equal(result.accepted, 1)
    assert.deepEqual(
      result.rejections.map(({ reason }) => reason),
      ['bad_label', 'bad_timestamp'],
    )
    assert.deepEqual(await selectAll(store, { matchers: UP }), { 'up{job="a"}': [[1_000, 1]] })
  },

  'takes its own series numbers back in place of labels': async (store) => {
    const builder = new BatchBuilder()
    builder.float(builder.slot(up('a')), 1_000, 1)
    const batch = builder.build()
    await store.append(batch)
    const ref = batch.series.refs[0]!
    assert.notEqual(ref, 0)
    const again = new BatchBuilder()
    again.float(again.series.add(up('a'), ref), 2_000, 2)
    await store.append(again.build())
    assert.deepEqual((await selectAll(store, { matchers: UP }))['up{job="a"}'], [
      [1_000, 1],
      [2_000, 2],
    ])
  },

  'lists names, values and series with selectors, time and limit': async (store) => {
    await write(store, [up('a'), 1_000, 1], [up('b'), 5_000, 1], [Labels.of({ __name__: 'down', zone: 'z' }), 1_000, 1])
    const all = { selectors: [] }
    assert.deepEqual((await store.labelNames(all)).items, ['__name__', 'job', 'zone'])
    assert.deepEqual((await store.labelNames({ selectors: [UP] })).items, ['__name__', 'job'])
    assert.deepEqual((await store.labelValues('job', all)).items, ['a', 'b'])
    assert.deepEqual(await store.labelValues('__name__', { selectors: [], limit: 1 }), { items: ['down'], truncated: true })
    const series = await store.series({ selectors: [UP, [Matcher.metric('down')]] })
    assert.deepEqual(
      series.items.map((labels) => labels.toString()),
      ['down{zone="z"}', 'up{job="a"}', 'up{job="b"}'],
    )
  },

  'deletes by selector and inclusive range, and shows what is written afterwards': async (store) => {
    await write(store, [up('a'), 1_000, 1], [up('a'), 2_000, 2], [up('a'), 3_000, 3], [up('b'), 2_000, 4])
    const dry = await store.delete({ selectors: [[...UP, Matcher.equal('job', 'a')]], minTime: 1_500, maxTime: 3_000, dryRun: true })
    assert.equal(dry.series, 1)
    assert.equal((await selectAll(store, { matchers: UP }))['up{job="a"}']!.length, 3)
    await store.delete({ selectors: [[...UP, Matcher.equal('job', 'a')]], minTime: 1_500, maxTime: 3_000 })
    assert.deepEqual(await selectAll(store, { matchers: UP }), { 'up{job="a"}': [[1_000, 1]], 'up{job="b"}': [[2_000, 4]] })
    await write(store, [up('a'), 2_000, 5])
    assert.deepEqual((await selectAll(store, { matchers: UP }))['up{job="a"}'], [
      [1_000, 1],
      [2_000, 5],
    ])
  },

  'keeps the metadata of metrics and exemplars': async (store) => {
    const builder = new BatchBuilder()
    const slot = builder.slot(up('a'))
    builder.float(slot, 1_000, 1)
    builder.metadata({ metric: 'up', type: 'gauge', help: 'Whether it is up', unit: '' })
    builder.exemplar({ slot, labels: Labels.of({ trace_id: 'abc' }), timestamp: 1_000, value: 1 })
    await store.append(builder.build())
    assert.equal((await store.metricMetadata({})).get('up')?.[0]?.help, 'Whether it is up')
    const [found] = await store.exemplars({ selectors: [UP], minTime: 0, maxTime: 2_000 })
    assert.equal(found?.exemplars[0]?.labels.get('trace_id'), 'abc')
    assert.deepEqual(await store.exemplars({ selectors: [UP], minTime: 1_001, maxTime: 2_000 }), [])
  },

  'keeps a selection as it was when it began': async (store) => {
    await write(store, [up('a'), 1_000, 1])
    const buffer = new SampleBuffer()
    for await (const page of store.select({ matchers: UP, minTime: 0, maxTime: 10_000 })) {
      await write(store, [up('a'), 2_000, 2])
      await store.delete({ selectors: [UP] })
      page[0]!.read(buffer)
      assert.deepEqual([...buffer.timestamps.subarray(0, buffer.count)], [1_000])
    }
  },

  'refuses calls after close, and closes twice without complaint': async (store) => {
    await store.close()
    await store.close()
    await assert.rejects(
      () => store.append(new BatchBuilder().build()),
      (error) => error instanceof TsinkError && error.code === 'CLOSED',
    )
  },
}
