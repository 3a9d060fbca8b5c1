import { describe, expect, test } from 'vitest'
import { histogram, isStale, Labels, Matcher, SampleBuffer, STALE, TsinkError } from '@tsink/core'
import { snappyDecode } from '@tsink/kernel'
import {
  decodeReadRequest,
  decodeReadResponse,
  decodeReadStream,
  encodeReadFrames,
  encodeReadRequest,
  ReadResponseEncoder,
  type ReadSeries,
  printShortest,
} from '@tsink/protocols'
import { corpus } from '@tsink/testing'
import { readLines, type Case } from './lines.ts'
import { random } from './random.ts'

const up = Labels.of({ __name__: 'up', job: 'x' })

function concat(parts: Iterable<Uint8Array>): Uint8Array {
  return Buffer.concat([...parts])
}

/** Values by their bits, so that NaNs and signs of zero count. */
function bits(samples: SampleBuffer): unknown[] {
  return Array.from({ length: samples.count }, (_, i) => [
    samples.timestamps[i],
    samples.histograms?.[i] ?? Buffer.from(samples.values.slice(i, i + 1).buffer).toString('hex'),
  ])
}

test('a request survives writing and reading', () => {
  const queries = [{ minTime: -5, maxTime: 10, matchers: [Matcher.metric('up'), new Matcher('!~', 'a', 'b.*')], hints: null }]
  expect(decodeReadRequest(encodeReadRequest({ queries, responseType: 'chunks' }))).toEqual({ queries, responseType: 'chunks' })
})

test.each([
  ['the first known type wins', [99, 1, 0], 'chunks'],
  ['no type means samples', [], 'samples'],
])('%s', (_, types, want) => {
  const body = Uint8Array.from(types.length === 0 ? [] : [0x12, types.length, ...types])
  expect(decodeReadRequest(body).responseType).toBe(want)
})

test('only unknown types, a bad matcher and a bad expression are refused', () => {
  expect(() => decodeReadRequest(Uint8Array.of(0x12, 1, 99))).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
  expect(() => decodeReadRequest(Uint8Array.of(0x0a, 4, 0x1a, 2, 8, 9))).toThrow(/matcher type 9/)
  expect(() => decodeReadRequest(Uint8Array.of(0x0a, 7, 0x1a, 5, 8, 2, 0x1a, 1, 0x28))).toThrow(
    expect.objectContaining({ code: 'BAD_REGEX' }),
  )
})

test('floats survive both kinds of answer, bit by bit', () => {
  const next = random(3)
  for (let round = 0; round < 60; round++) {
    const samples = new SampleBuffer()
    let time = Math.floor((next() - 0.2) * 1e13)
    let value = 0
    for (let i = 0; i < next() * 700; i++) {
      time += next() < 0.9 ? 15_000 : Math.floor(next() * 10 ** Math.floor(next() * 12)) + 1
      value =
        next() < 0.3
          ? value
          : next() < 0.5
            ? value + 1
            : next() < 0.9
              ? (next() - 0.5) * 10 ** Math.floor(next() * 600 - 300)
              : next() < 0.5
                ? -0
                : STALE[0]!
      samples.push(time, value)
    }
    if (samples.count === 0) continue
    const encoder = new ReadResponseEncoder()
    encoder.beginQuery()
    encoder.beginQuery()
    encoder.series(up, samples)
    for (const series of [decodeReadResponse(encoder.finish()), decodeReadStream(concat(encodeReadFrames(up, samples, 1)))]) {
      expect(series.map(({ queryIndex, labels }) => [queryIndex, labels.toString()])).toEqual([[1, 'up{job="x"}']])
      expect(bits(series[0]!.samples)).toEqual(bits(samples))
    }
  }
})

test('histograms of both kinds survive, with changes of layout, resets and stale markers between', () => {
  const samples = new SampleBuffer()
  const next = random(5)
  for (let i = 0; i < 300; i++) {
    const layout = Math.floor(i / 50) % 3
    const count = (i % 37) + 1
    const stale = i % 71 === 70
    const custom = layout === 2
    const isInteger = i < 150
    samples.pushHistogram(
      i * 1_000 + Math.floor(next() * 100),
      stale
        ? histogram({ sum: STALE[0]!, isInteger })
        : histogram({
            schema: custom ? -53 : layout,
            count: count * 4,
            sum: count * 1.25,
            zeroThreshold: custom ? 0 : layout === 0 ? 0.001 : 2 ** -128,
            zeroCount: custom ? 0 : count,
            positiveSpans: [
              { offset: custom ? 0 : -3, length: 2 },
              { offset: 2, length: 1 },
            ],
            positiveBuckets: Float64Array.of(count, count + 1, count - 1),
            negativeSpans: custom ? [] : [{ offset: 5, length: 1 }],
            negativeBuckets: custom ? new Float64Array(0) : Float64Array.of(count),
            customValues: custom ? Float64Array.of(-1, 0.005, 0.1, 2.5, 1 / 3, 1e9) : new Float64Array(0),
            hint: i > 250 ? 'gauge' : 'unknown',
            isInteger,
          }),
    )
  }
  const [series] = decodeReadStream(concat(encodeReadFrames(up, samples, 0)))
  expect(series!.samples.count).toBe(300)
  // A chunk says of all but its first sample that nothing was reset before them.
  const plain = (buffer: SampleBuffer): unknown[] =>
    Array.from({ length: buffer.count }, (_, i) => {
      const { hint, ...rest } = buffer.histograms![i]!
      return [buffer.timestamps[i], rest, hint === 'gauge']
    })
  expect(plain(series!.samples)).toEqual(plain(samples))
  expect(isStale(Float64Array.of(series!.samples.histograms![70]!.sum), 0)).toBe(true)
})

test('mutated streams are refused or read, never more', () => {
  const samples = new SampleBuffer()
  for (let i = 0; i < 50; i++) samples.push(i * 15_000, Math.sin(i))
  const next = random(9)
  const body = concat(encodeReadFrames(up, samples, 0))
  for (let round = 0; round < (process.env['TSINK_TEST_LONG'] === '1' ? 200_000 : 2_000); round++) {
    const mutant = body.slice(0, next() < 0.2 ? Math.floor(next() * body.length) : body.length)
    mutant[Math.floor(next() * mutant.length)] = Math.floor(next() * 256)
    for (const decode of [decodeReadStream, decodeReadResponse, decodeReadRequest]) {
      try {
        decode(mutant)
      } catch (error) {
        if (!(error instanceof TsinkError)) throw error
      }
    }
  }
})

const field = corpus('remote-read')
describe.skipIf(field.skip !== null)(field.skip ?? 'recorded exchanges', () => {
  const cases = field.path === null ? [] : readLines(field.path, 'remote_read.jsonl')
  test.each(cases.map((item) => [item['name'] as string, item] as const))('%s', (_, item) => {
    const body = snappyDecode(Buffer.from(item['requestSnappyBase64'], 'base64'), 1 << 20)
    expect(Buffer.from(body).toString('base64')).toBe(item['requestProtoBase64'])
    if (item['status'] !== 200) return expect(() => decodeReadRequest(body)).toThrow(TsinkError)
    const request = decodeReadRequest(body)
    expect(request.responseType).toBe((item['contentType'] as string).includes('streamed') ? 'chunks' : 'samples')
    if (request.responseType === 'samples') {
      const series = decodeReadResponse(Buffer.from(item['responseProtoBase64'], 'base64'))
      const wanted = (item['results'] as Case[][]).flat()
      expect(series.map(seriesText)).toEqual(wanted.map((one) => [one['labels'], one['samples'], (one['histograms'] as unknown[]).length]))
      return
    }
    const raw = Buffer.from(item['responseRawBase64'], 'base64')
    const series = decodeReadStream(raw)
    const wanted = new Map<string, unknown[]>()
    for (const frame of item['frames'] as Case[]) {
      for (const one of frame['series'] as Case[]) {
        const key = Labels.of(one['labels']).toString()
        wanted.set(key, [...(wanted.get(key) ?? []), ...(one['chunks'] as Case[]).flatMap((chunk) => chunk['decoded'] as unknown[])])
      }
    }
    for (const one of series) {
      const floats = wanted.get(one.labels.toString())!
      expect(one.samples.count).toBe(floats.length)
      if (one.samples.histograms === null) expect(seriesText(one)[1]).toEqual(floats)
      // What we would have sent decodes to the same.
      const [again] = decodeReadStream(concat(encodeReadFrames(one.labels, one.samples, one.queryIndex)))
      expect(bits(again!.samples)).toEqual(bits(one.samples))
    }
  })
})

function seriesText({ labels, samples }: ReadSeries): unknown[] {
  const floats: unknown[] = []
  let histograms = 0
  for (let i = 0; i < samples.count; i++) {
    if (samples.histograms?.[i] !== undefined) histograms++
    else floats.push([samples.timestamps[i], isStale(samples.values, i) ? 'stale' : printShortest(samples.values[i]!)])
  }
  return [labels.toJSON(), floats, histograms]
}
