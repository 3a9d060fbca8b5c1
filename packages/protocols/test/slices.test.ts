/** Decoding in slices: as much as in one go, with many places to give way. */
import { expect, test } from 'vitest'
import {
  decodeOpenMetricsText,
  decodePrometheusProtobuf,
  decodePrometheusText,
  openMetricsTextInSlices,
  prometheusProtobufInSlices,
  prometheusTextInSlices,
  ProtoWriter,
  type Decoded,
} from '@tsink/protocols'
import { ascii, print } from './lines.ts'

const LINES = 10_000
const options = { now: 1_700_000_000_000 }
const TEXT = `# TYPE x gauge\n${Array.from({ length: LINES }, (_, i) => `x{i="${i}"} ${i}\n`).join('')}`

/** One family of gauges, behind its length. */
function familyBody(): Uint8Array {
  const [family, metric, inner, whole] = [new ProtoWriter(), new ProtoWriter(), new ProtoWriter(), new ProtoWriter()]
  family.stringField(1, 'x')
  family.int64Field(3, 1)
  for (let i = 0; i < LINES; i++) {
    metric.clear()
    inner.clear()
    inner.stringField(1, 'i')
    inner.stringField(2, `${i}`)
    metric.message(1, inner)
    inner.clear()
    inner.doubleField(1, i)
    metric.message(2, inner)
    family.message(4, metric)
  }
  whole.uvarint(family.length)
  whole.raw(family.view())
  return whole.finish()
}

test.each<[string, Uint8Array, (body: Uint8Array) => Decoded, (body: Uint8Array) => Generator<void, Decoded>]>([
  ['Prometheus text', ascii(TEXT), (body) => decodePrometheusText(body, options), (body) => prometheusTextInSlices(body, options)],
  [
    'OpenMetrics text',
    ascii(`${TEXT}# EOF\n`),
    (body) => decodeOpenMetricsText(body, options),
    (body) => openMetricsTextInSlices(body, options),
  ],
  ['protobuf', familyBody(), (body) => decodePrometheusProtobuf(body, options), (body) => prometheusProtobufInSlices(body, options)],
])('%s', (_, body, decode, inSlices) => {
  const work = inSlices(body)
  let slices = 1
  let next = work.next()
  for (; next.done !== true; next = work.next()) slices++
  expect(slices).toBeGreaterThan(LINES / 1_000)
  const got = print(next.value.batch)
  expect(got).toHaveLength(LINES)
  expect(got).toEqual(print(decode(body).batch))
})
