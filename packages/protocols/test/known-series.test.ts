/** What a cache knows never leads a sample to another series: keys that look alike, caches that forget, decoders that take turns. */
import { expect, test } from 'vitest'
import { BatchBuilder, Labels } from '@tsink/core'
import {
  decodeLineProtocol,
  decodeOpenMetricsText,
  decodeOtlp,
  decodePrometheusText,
  decodeRemoteWrite,
  encodeRemoteWrite,
  prometheusTextInSlices,
  SeriesCache,
  type Decoded,
} from '@tsink/protocols'
import { ascii, print } from './lines.ts'

const NOW = 1_700_000_000_000

/** Decodes bodies one after the other with one cache, and each as without one. */
function check(bodies: readonly (string | Uint8Array)[], decode: (body: Uint8Array, cache?: SeriesCache) => Decoded): void {
  const cache = new SeriesCache()
  for (const body of bodies) {
    const bytes = typeof body === 'string' ? ascii(body) : body
    const [got, want] = [decode(bytes, cache), decode(bytes)]
    expect(print(got.batch)).toEqual(print(want.batch))
    expect(got.rejected).toEqual(want.rejected)
  }
}

test('a new field beside known tags with escapes has the tags without them', () => {
  check(['disk,path=Program\\ Files free=1\n', 'disk,path=Program\\ Files free=1,used=2\n'], (body, cache) =>
    decodeLineProtocol(body, cache === undefined ? { now: NOW } : { now: NOW, cache }),
  )
})

test('a bucket and a quantile of one name and bound are two series', () => {
  const metrics = [
    {
      name: 'foo',
      histogram: {
        aggregationTemporality: 2,
        dataPoints: [{ timeUnixNano: '1000000', count: '3', sum: 1, explicitBounds: [0.5], bucketCounts: ['1', '2'] }],
      },
    },
    {
      name: 'foo_bucket',
      summary: { dataPoints: [{ timeUnixNano: '1000000', count: '1', sum: 1, quantileValues: [{ quantile: 0.5, value: 7 }] }] },
    },
  ]
  const body = JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] })
  check([body, body], (bytes, cache) => decodeOtlp(bytes, 'json', cache === undefined ? { now: NOW } : { now: NOW, cache }))
})

test('a family whose name holds a blank takes no other series', () => {
  const body = '# TYPE "foo 1" counter\nfoo 1 2\n{"foo 1_created"} 5\n# EOF\n'
  check([body, body], (bytes, cache) => decodeOpenMetricsText(bytes, cache === undefined ? { now: NOW } : { now: NOW, cache }))
})

test('labels that stand behind a blank are read where the series without labels was expected', () => {
  for (const unit of ['ms', 's'] as const) {
    check(['foo 1\n', 'foo {a="b"} 2\n', 'foo  {a="c"} 2\n'], (bytes, cache) =>
      decodePrometheusText(bytes, cache === undefined ? { now: NOW, unit } : { now: NOW, unit, cache }),
    )
  }
})

test('numbers that a store gave before the cache forgot do not come to series that were met since', () => {
  const cache = new SeriesCache({ maxSeries: 3 })
  // Of this unit the kernel takes nothing.
  const decode = (...names: string[]): Decoded =>
    decodePrometheusText(ascii(names.map((name) => `${name} 1\n`).join('')), { now: NOW, unit: 's', cache })
  const before = decode('a', 'b', 'c', 'd')
  decode('e', 'f')
  before.batch.series.refs.set([101, 102, 103, 104])
  // The second batch is still on its way.
  expect([...decode('d', 'e', 'f').batch.series.refs.subarray(0, 3)]).toEqual([104, 0, 0])
})

test('decoding in slices and a body that comes in between share a cache without sharing samples', () => {
  const cache = new SeriesCache()
  const body = ascii(`a 1\n${'# comment\n'.repeat(1_000)}b 2\n`)
  const work = prometheusTextInSlices(body, { now: NOW, cache })
  let next = work.next()
  expect(print(decodePrometheusText(ascii('c 3\nd 4\n'), { now: NOW, cache }).batch)).toHaveLength(2)
  while (next.done !== true) next = work.next()
  expect(print(next.value.batch)).toEqual(print(decodePrometheusText(body, { now: NOW }).batch))
})

test('series that are refused, or missed many times in one body, do not fill the table', () => {
  const decode = (body: Uint8Array, cache?: SeriesCache): Decoded =>
    decodeRemoteWrite(body, 1, cache === undefined ? { now: NOW } : { now: NOW, cache })
  const cache = new SeriesCache()
  const nameless = new BatchBuilder()
  for (let i = 0; i < 100; i++) nameless.float(nameless.slot(Labels.of({ i: `${i}` })), 1, 1)
  expect(decode(encodeRemoteWrite(nameless.build(), 1), cache).rejected.count).toBe(100)
  // Its value stands before its name, so that the kernel does not read it by itself.
  const series = [0x0a, 0x0e, 0x12, 0x02, 0x75, 0x70, 0x0a, 0x08, ...ascii('__name__'), 0x12, 0x02, 0x10, 0x05]
  const body = Uint8Array.from(Array.from({ length: 100 }, () => [0x0a, series.length, ...series]).flat())
  for (let round = 0; round < 2; round++) expect(print(decode(body, cache).batch)).toEqual(Array.from({ length: 100 }, () => 'up 0 @5'))
  if (cache.walk !== null) expect(cache.walk.size).toBe(1)
})

test('bytes that are no field are refused behind a refused series too', () => {
  const inner = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x12, 0x02, 0x10, 0x05]
  const cache = new SeriesCache()
  decodeRemoteWrite(Uint8Array.of(0x0a, 0), 1, { now: NOW, cache })
  expect(() => decodeRemoteWrite(Uint8Array.of(0x0a, inner.length, ...inner), 1, { now: NOW, cache })).toThrow('field number 0')
})

test('an empty series is refused by its own number', () => {
  check([Uint8Array.of(0x0a, 0), Uint8Array.of(0x0a, 0, 0x0a, 0)], (body, cache) =>
    decodeRemoteWrite(body, 1, cache === undefined ? { now: NOW } : { now: NOW, cache }),
  )
})

test('a series that a body repeats brings its labels once, also where the kernel takes no part', () => {
  const labels = { long: 'x'.repeat(1_000) }
  const lines = ascii('m a=1\n'.repeat(1_000))
  // Of this unit the kernel takes nothing.
  const influx = decodeLineProtocol(lines, { now: NOW, unit: 's', cache: new SeriesCache(), extraLabels: labels })
  const pushed = decodePrometheusText(ascii('a 1\n'.repeat(1_000)), { now: NOW, extraLabels: Labels.of(labels) })
  for (const { batch } of [influx, pushed]) expect([batch.series.count, batch.samples[0]!.count]).toEqual([1, 1_000])
})
