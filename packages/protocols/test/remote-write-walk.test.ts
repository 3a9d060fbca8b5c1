/** The kernel's walk beside its twin, the plain decoder: the same batches, and the same refusals for bodies that no sender would make. */
import { expect, test } from 'vitest'
import { BatchBuilder, histogram, Labels, TsinkError, type WriteBatch } from '@tsink/core'
import { snappyEncode } from '@tsink/kernel'
import { decodeRemoteWrite, decodeSnappyRemoteWrite, encodeRemoteWrite, SeriesCache, type RemoteWriteDecoded } from '@tsink/protocols'
import { flatten } from './lines.ts'
import { random } from './random.ts'

const NOW = 1_700_000_000_000
const LONG = process.env['TSINK_TEST_LONG'] === '1'

function randomBatch(next: () => number): WriteBatch {
  const builder = new BatchBuilder()
  const series = 1 + Math.floor(next() * 20)
  for (let i = 0; i < series; i++) {
    const labels: Record<string, string> = {
      __name__: `metric_${Math.floor(next() * 5)}`,
      instance: `host-${Math.floor(next() * 30)}:9100`,
    }
    for (let j = 0; j < next() * 8; j++)
      labels[`label_${Math.floor(next() * 20)}`] = next() < 0.1 ? 'ü𝄞'.repeat(20) : `value ${Math.floor(next() * 1e6)}`
    const slot = builder.slot(Labels.of(labels))
    for (let j = 0; j < next() * 4; j++)
      builder.add('f64', slot, Math.floor((next() - 0.3) * 1e13), next() < 0.1 ? -0 : next() * 1e6, next() < 0.2 ? 5 : 0)
    if (next() < 0.2)
      builder.add(
        'histogram',
        slot,
        7,
        histogram({ count: 2, sum: 1, positiveSpans: [{ offset: 1, length: 1 }], positiveBuckets: Float64Array.of(2), isInteger: true }),
      )
    if (next() < 0.2) builder.exemplar({ slot, labels: Labels.of({ trace_id: `${i}` }), timestamp: 9, value: 1 })
    if (next() < 0.3) builder.metadata({ metric: labels['__name__']!, type: 'counter', help: `help ${Math.floor(next() * 3)}`, unit: 's' })
  }
  return builder.build()
}

function plain(decoded: RemoteWriteDecoded): unknown {
  const { batch, rejected, samples, histograms, exemplars } = decoded
  const listed = batch.exemplars!.map((exemplar) => ({ ...exemplar, slot: [...batch.series.labelBytes(exemplar.slot)].join() }))
  return { flat: flatten(batch), exemplars: listed, rejected: rejected.listed, counts: [samples, histograms, exemplars] }
}

test.each([1, 2] as const)('random bodies of version %i decode alike, new and known', (version) => {
  const next = random(version)
  const cache = new SeriesCache()
  expect(cache.walk === null).toBe(process.env['TSINK_KERNEL'] === 'ts')
  let ref = 0
  for (let round = 0; round < (LONG ? 5_000 : 100); round++) {
    const body = encodeRemoteWrite(randomBatch(next), version)
    const want = decodeRemoteWrite(body, version, { now: NOW })
    const got = decodeSnappyRemoteWrite(snappyEncode(body), version, { now: NOW, cache })
    expect(plain(got)).toEqual(plain(want))
    for (let slot = 0; slot < got.batch.series.count; slot++) if (got.batch.series.refs[slot] === 0) got.batch.series.refs[slot] = ++ref
    const again = decodeRemoteWrite(body, version, { now: NOW, cache })
    expect(flatten(again.batch)).toEqual(flatten(want.batch))
    expect([...again.batch.series.refs.subarray(0, again.batch.series.count)].every((number) => number > 0)).toBe(true)
  }
})

test.each([1, 2] as const)('mutated bodies of version %i decode alike or are refused alike', (version) => {
  const next = random(100 + version)
  const cache = new SeriesCache({ maxSeries: 500, maxBytes: 100_000 })
  const outcome = (decode: () => RemoteWriteDecoded): unknown => {
    try {
      return plain(decode())
    } catch (error) {
      if (!(error instanceof TsinkError)) throw error
      return [error.code, error.message]
    }
  }
  for (let round = 0; round < (LONG ? 100_000 : 500); round++) {
    let body = encodeRemoteWrite(randomBatch(next), version)
    for (let i = 0; i < next() * 3; i++) body[Math.floor(next() * body.length)] = Math.floor(next() * 256)
    if (next() < 0.2) body = body.subarray(0, Math.floor(next() * body.length))
    const want = outcome(() => decodeRemoteWrite(body, version, { now: NOW }))
    expect(outcome(() => decodeRemoteWrite(body, version, { now: NOW, cache }))).toEqual(want)
  }
})

test.each([1, 2] as const)('a series of version %i that is refused costs itself, and the kernel goes on', (version) => {
  const next = random(7 + version)
  const cache = new SeriesCache()
  for (let round = 0; round < 50; round++) {
    const builder = new BatchBuilder()
    for (let i = 0; i < 40; i++) {
      // Without a name it is none.
      const isBad = next() < 0.2
      const slot = builder.slot(
        Labels.of(isBad ? { bad: `${Math.floor(next() * 5)}` } : { __name__: 'good', i: `${Math.floor(next() * 60)}` }),
      )
      for (let j = 0; j < next() * 3; j++) builder.add('f64', slot, j, next() < 0.1 ? NaN : next(), next() < 0.2 ? 5 : 0)
      if (next() < 0.2) builder.stale(slot, 9)
      if (next() < 0.3) builder.exemplar({ slot, labels: Labels.of({ trace_id: `${i}` }), timestamp: 9, value: 1 })
      if (next() < 0.3) builder.add('histogram', slot, 7, histogram({ count: 0, sum: 1, isInteger: true }))
    }
    const body = encodeRemoteWrite(builder.build(), version)
    const want = decodeRemoteWrite(body, version, { now: NOW })
    expect(want.rejected.count).toBeGreaterThan(0)
    const got = decodeRemoteWrite(body, version, { now: NOW, cache })
    expect(plain(got)).toEqual(plain(want))
    // Only the kernel's way gives memory back.
    expect(got.release !== undefined).toBe(cache.walk !== null)
    got.release?.()
  }
})

test('metadata that a series repeats is reported once, and again when it changes', () => {
  const cache = new SeriesCache()
  const send = (help: string): number => {
    const builder = new BatchBuilder()
    builder.float(builder.slot(Labels.of({ __name__: 'up' })), 1, 1)
    builder.metadata({ metric: 'up', type: 'gauge', help, unit: '' })
    return decodeRemoteWrite(encodeRemoteWrite(builder.build(), 2), 2, { now: NOW, cache }).batch.metadata!.length
  }
  const counts = [send('a'), send('a'), send('a'), send('b'), send('b')]
  // Without the kernel nothing is remembered.
  expect(counts[0]).toBe(1)
  if (cache.walk !== null) expect(counts).toEqual([1, 1, 0, 1, 0])
})

test('metadata of a batch that the store did not take is reported again', () => {
  const cache = new SeriesCache()
  const send = (help: string): RemoteWriteDecoded => {
    const builder = new BatchBuilder()
    builder.float(builder.slot(Labels.of({ __name__: 'up' })), 1, 1)
    builder.metadata({ metric: 'up', type: 'gauge', help, unit: '' })
    return decodeRemoteWrite(encodeRemoteWrite(builder.build(), 2), 2, { now: NOW, cache })
  }
  for (let round = 0; round < 3; round++) send('old')
  for (let attempt = 0; attempt < 3; attempt++) {
    const decoded = send('new')
    expect(decoded.batch.metadata![0]!.help).toBe('new')
    // As the server does it, the failure first.
    decoded.failed?.()
    decoded.release?.()
  }
})

test('memory that a batch gave back serves the next one, and none that is still in use', () => {
  const next = random(3)
  const cache = new SeriesCache()
  const held: { decoded: RemoteWriteDecoded; want: unknown }[] = []
  for (let round = 0; round < 60; round++) {
    const body = encodeRemoteWrite(randomBatch(next), 1)
    const decoded = decodeSnappyRemoteWrite(snappyEncode(body), 1, { now: NOW, cache })
    held.push({ decoded, want: plain(decodeRemoteWrite(body, 1, { now: NOW })) })
    for (const { decoded: each, want } of held) expect(plain(each)).toEqual(want)
    // Appends end in any order.
    if (held.length > 3) held.splice(Math.floor(next() * held.length), 1)[0]!.decoded.release?.()
  }
})
