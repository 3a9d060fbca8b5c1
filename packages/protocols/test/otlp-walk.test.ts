/** The kernel's walk over points of OTLP beside its twin, the plain decoder: the same batches and refusals, for new series and known ones. */
import { expect, test } from 'vitest'
import { TsinkError } from '@tsink/core'
import { decodeOtlp, ProtoWriter, SeriesCache, type Decoded, type OtlpOptions } from '@tsink/protocols'
import { flatten } from './lines.ts'
import { pick, random, type Random } from './random.ts'

const NOW = 1_700_000_000_000
const LONG = process.env['TSINK_TEST_LONG'] === '1'

function message(write: (writer: ProtoWriter) => void): ProtoWriter {
  const writer = new ProtoWriter()
  write(writer)
  return writer
}

function attribute(next: Random, keys: readonly string[]): ProtoWriter {
  return message((writer) => {
    writer.stringField(1, pick(next, keys))
    writer.message(
      2,
      message((value) => {
        if (next() < 0.8) value.stringField(1, pick(next, ['a', 'b', 'ü', '', 'x'.repeat(next() < 0.1 ? 300 : 3)]))
        else value.int64Field(3, Math.floor(next() * 5))
      }),
    )
  })
}

const KEYS = ['host', 'http.method', '__name__', '_', 'le', 'path']

function numberPoint(next: Random): ProtoWriter {
  const parts: ((writer: ProtoWriter) => void)[] = [
    (writer) => writer.fixed64Field(3, BigInt(NOW + Math.floor(next() * 5)) * 1_000_000n + BigInt(Math.floor(next() * 3))),
  ]
  if (next() < 0.5) parts.push((writer) => writer.fixed64Field(2, BigInt(NOW - 5_000) * 1_000_000n))
  if (next() < 0.7) parts.push((writer) => writer.doubleField(4, pick(next, [0, -0, 1.5, NaN, Infinity, next()])))
  else parts.push((writer) => writer.fixed64Field(6, pick(next, [5n, 2n ** 63n, 2n ** 53n + 1n, 2n ** 64n - 1n])))
  for (let left = Math.floor(next() * 4); left > 0; left--) parts.push((writer) => writer.message(7, attribute(next, KEYS)))
  if (next() < 0.05) parts.push((writer) => writer.uint64Field(8, 1))
  if (next() < 0.05)
    parts.push((writer) =>
      writer.message(
        5,
        message((exemplar) => exemplar.doubleField(3, 1)),
      ),
    )
  if (next() < 0.05) parts.push((writer) => writer.stringField(20, 'unknown'))
  if (next() < 0.1) parts.reverse()
  return message((writer) => parts.forEach((part) => part(writer)))
}

function histogramPoint(next: Random): ProtoWriter {
  return message((writer) => {
    writer.fixed64Field(3, BigInt(NOW) * 1_000_000n)
    writer.fixed64Field(4, 3n)
    writer.doubleField(5, 1.5)
    for (const count of [1n, 2n]) writer.fixed64Field(6, count)
    writer.doubleField(7, 0.5)
    writer.message(9, attribute(next, KEYS))
  })
}

function metric(next: Random): ProtoWriter {
  return message((writer) => {
    writer.stringField(1, pick(next, ['requests', 'http.duration', 'x', '..']))
    if (next() < 0.5) writer.stringField(3, pick(next, ['s', 'By', '1']))
    const isSum = next() < 0.4
    const isHistogram = next() < 0.2
    const data = message((inner) => {
      for (let left = Math.floor(next() * 6); left > 0; left--) {
        inner.message(1, isHistogram ? histogramPoint(next) : numberPoint(next))
        if (next() < 0.05) inner.uint64Field(2, 2)
      }
      if (isSum || isHistogram) inner.uint64Field(2, pick(next, [2, 2, 2, 1, 0]))
      if (isSum && next() < 0.5) inner.uint64Field(3, 1)
    })
    writer.message(isHistogram ? 9 : isSum ? 7 : 5, data)
  })
}

function request(next: Random): Uint8Array {
  return message((writer) => {
    for (let left = 1 + Math.floor(next() * 2); left > 0; left--) {
      writer.message(
        1,
        message((resource) => {
          resource.message(
            1,
            message((attributes) => {
              for (let i = Math.floor(next() * 3); i > 0; i--)
                attributes.message(1, attribute(next, ['service.name', 'service.instance.id', 'region']))
            }),
          )
          resource.message(
            2,
            message((scope) => {
              scope.message(
                1,
                message((inner) => inner.stringField(1, pick(next, ['', 'lib']))),
              )
              for (let i = 1 + Math.floor(next() * 3); i > 0; i--) scope.message(2, metric(next))
            }),
          )
        }),
      )
    }
  }).finish()
}

function outcome(decode: () => Decoded): unknown {
  try {
    const { batch, rejected } = decode()
    const exemplars = batch.exemplars!.map((exemplar) => ({ ...exemplar, slot: [...batch.series.labelBytes(exemplar.slot)].join() }))
    return {
      flat: flatten(batch),
      exemplars,
      metadata: batch.metadata,
      rejected: rejected.listed,
      counts: [rejected.count, rejected.samples],
    }
  } catch (error) {
    if (!(error instanceof TsinkError)) throw error
    // Of several faults another may be found first.
    return error.code
  }
}

const OPTIONS: readonly Omit<OtlpOptions, 'now'>[] = [
  {},
  { promoteAllResourceAttributes: true, promoteScopeMetadata: true, delta: 'keep', translationStrategy: 'NoTranslation' },
]

test.each(OPTIONS.map((options, number) => ({ number, options })))(
  'random bodies decode alike with options $number',
  ({ number, options }) => {
    const next = random(11 + number)
    const cache = new SeriesCache({ maxSeries: 150, maxBytes: 60_000 })
    let ref = 0
    let body = request(next)
    for (let round = 0; round < (LONG ? 20_000 : 400); round++) {
      if (next() < 0.5) body = request(next)
      const sent = next() < 0.7 ? body : body.slice(0, next() < 0.5 ? body.length : Math.floor(next() * body.length))
      if (sent !== body && sent.length > 0) sent[Math.floor(next() * sent.length)] = Math.floor(next() * 256)
      const want = outcome(() => decodeOtlp(sent, 'protobuf', { ...options, now: NOW }))
      const known = (): Decoded => {
        const decoded = decodeOtlp(sent, 'protobuf', { ...options, now: NOW, cache })
        // As a store does it.
        const { series } = decoded.batch
        for (let slot = 0; slot < series.count; slot++) if (series.refs[slot] === 0) series.refs[slot] = ++ref
        return decoded
      }
      expect(outcome(known)).toEqual(want)
      expect(outcome(known)).toEqual(want)
    }
  },
)

test('random bodies in JSON decode alike, new and known', () => {
  const next = random(5)
  const cache = new SeriesCache({ maxSeries: 150, maxBytes: 60_000 })
  const values = [
    { stringValue: 'a' },
    { stringValue: '1:1:b' },
    { stringValue: '' },
    { stringValue: '\ud800' },
    { intValue: '7' },
    { boolValue: true },
  ]
  const point = (): object => ({
    timeUnixNano: `${NOW + Math.floor(next() * 5)}000000`,
    asDouble: next(),
    attributes: Array.from({ length: Math.floor(next() * 4) }, () => ({ key: pick(next, KEYS), value: pick(next, values) })),
  })
  for (let round = 0; round < (LONG ? 10_000 : 300); round++) {
    const metrics = ['requests', 'x', 'http.duration'].map((name) => ({
      name,
      gauge: { dataPoints: Array.from({ length: Math.floor(next() * 4) }, point) },
    }))
    const attributes = [{ key: 'service.name', value: pick(next, values) }]
    const body = new TextEncoder().encode(JSON.stringify({ resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ metrics }] }] }))
    const want = outcome(() => decodeOtlp(body, 'json', { now: NOW }))
    expect(outcome(() => decodeOtlp(body, 'json', { now: NOW, cache }))).toEqual(want)
    expect(outcome(() => decodeOtlp(body, 'json', { now: NOW, cache }))).toEqual(want)
  }
})
