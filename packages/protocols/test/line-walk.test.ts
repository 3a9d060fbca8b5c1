/** The kernel's walks over lines beside their twins, the plain decoders: the same batches and refusals, for new series and known ones, good and bad lines. */
import { expect, test } from 'vitest'
import { TsinkError } from '@tsink/core'
import {
  compileGraphiteTemplates,
  decodeGraphite,
  decodeJsonLines,
  decodeLineProtocol,
  decodeOpenMetricsText,
  decodePrometheusText,
  SeriesCache,
  type Decoded,
  type DecodeOptions,
} from '@tsink/protocols'
import { ascii, flatten } from './lines.ts'
import { pick, random, type Random } from './random.ts'

const NOW = 1_700_000_000_000
const LONG = process.env['TSINK_TEST_LONG'] === '1'

function digits(next: Random, most: number): string {
  let text = ''
  for (let left = 1 + Math.floor(next() * most); left > 0; left--) text += Math.floor(next() * 10)
  return text
}

/** Numbers as they come, and as they should not. */
function number(next: Random): string {
  const kind = next()
  if (kind < 0.3) return String(Math.round(next() * 1e4))
  if (kind < 0.5) return String((next() - 0.5) * 10 ** Math.floor(next() * 40 - 20))
  if (kind < 0.6) return `${pick(next, ['', '-', '+'])}${digits(next, 22)}`
  if (kind < 0.75) return `${pick(next, ['', '-'])}${digits(next, 12)}.${digits(next, 12)}`
  if (kind < 0.85) return `${digits(next, 3)}.${digits(next, 18)}e${pick(next, ['', '-', '+'])}${digits(next, 3)}`
  return pick(next, [
    'NaN',
    '+Inf',
    '-Inf',
    'Inf',
    'inf',
    'nan',
    '.5',
    '5.',
    '-0',
    '.',
    '-',
    '',
    '0x10',
    '1_0',
    '1e',
    '007',
    '1e400',
    'true',
  ])
}

function time(next: Random): string {
  return pick(next, [
    '',
    '',
    ` ${NOW}`,
    ` ${NOW}000000`,
    ' 1700000000',
    ' 1700000000.5',
    ' -1',
    ' +5',
    ' 9007199254740993',
    ' 0',
    ' x',
    '  7',
  ])
}

const NAMES = [
  'up',
  'http_requests_total',
  'http_seconds',
  'http_seconds_bucket',
  'http_seconds_sum',
  'http_seconds_created',
  'rpc',
  'rpc_count',
  'ü',
]

const BOUNDS = [
  '1',
  '0.50',
  '10',
  '0.0001',
  '0.00001',
  '0.00010',
  '999999',
  '1000000',
  '007',
  '+Inf',
  '-Inf',
  'Inf',
  '1e5',
  '0',
  '0.0',
  '1.0',
  '1.10',
  '',
  '123456.789',
  '0.123456789',
  '0.1234567891',
  '.5',
  '5.',
  '-1',
  '+1',
  'x',
  '01.5',
  '00',
]
const VALUES = ['a b', 'x\\"y', '}', ',', 'c\\\\', 'ü', '', 'v1', 'v2', 'v3', 'v4']

function textSeries(next: Random): string {
  const name = pick(next, NAMES)
  const labels: string[] = []
  for (const label of ['le', 'quantile', 'job', 'path', 'Job', 'job']) {
    if (next() < 0.25) labels.push(`${label}="${pick(next, label === 'le' || label === 'quantile' ? BOUNDS : VALUES)}"`)
  }
  if (next() < 0.1) return `{"${name}"${labels.map((label) => `,${label}`).join('')}}`
  if (labels.length === 0 && next() < 0.8) return name
  return `${name}${next() < 0.05 ? ' ' : ''}{${labels.join(next() < 0.1 ? ', ' : ',')}}`
}

function comment(next: Random): string {
  const name = pick(next, ['http_seconds', 'rpc', 'up', 'ü'])
  return pick(next, [
    `# TYPE ${name} ${pick(next, ['histogram', 'summary', 'counter', 'gauge'])}`,
    `# HELP ${name} text`,
    '# a comment',
    '',
    '# EOF',
  ])
}

function textLine(next: Random): string {
  if (next() < 0.15) return comment(next)
  const exemplar = next() < 0.05 ? ' # {trace_id="x"} 1' : ''
  return `${textSeries(next)}${pick(next, [' ', ' ', ' ', ' ', '  ', '\t', ''])}${number(next)}${time(next)}${exemplar}${next() < 0.05 ? ' ' : ''}${next() < 0.05 ? '\r' : ''}`
}

function influxLine(next: Random): string {
  if (next() < 0.1) return pick(next, ['', '# comment', ' '])
  const tags = ['host', 'dc', 't\\ g']
    .filter(() => next() < 0.4)
    .map((tag) => `,${tag}=${pick(next, ['a', 'b\\ c', 'ü', `v${Math.floor(next() * 5)}`])}`)
  const fields: string[] = []
  for (let left = 1 + Math.floor(next() * 3); left > 0; left--) {
    const suffix = next() < 0.3 ? pick(next, ['i', 'u']) : ''
    const value = next() < 0.1 ? pick(next, ['t', 'false', '"text"', '"a\nb"']) : `${number(next)}${suffix}`
    fields.push(`${pick(next, ['value', 'load1', 'f\\=g', 'ü'])}=${value}`)
  }
  return `${pick(next, ['cpu', 'mem', 'm\\,x'])}${tags.join('')}${next() < 0.05 ? '  ' : ' '}${fields.join(',')}${time(next)}${next() < 0.05 ? '\r' : ''}`
}

function graphiteLine(next: Random): string {
  const path = pick(next, ['servers.a.cpu', 'servers.b.cpu', 'x', 'a b', 'servers.a.cpu;dc=eu', ';x=y', '5', ''])
  return `${path} ${number(next)}${time(next)}${next() < 0.05 ? '\r' : ''}`
}

function jsonLine(next: Random): string {
  const metric = pick(next, [
    '{"__name__":"up","job":"a"}',
    '{"job":"a","__name__":"up"}',
    '{"__name__":"up","x":"\\"}"}',
    '{"__name__":"ü"}',
    '{"__name__":"up","job":1}',
    '{"job":"no name"}',
    '{}',
    '{"__name__":"up","job":"a","job":"b"}',
    '{"__name__":"\\ud800"}',
  ])
  const count = Math.floor(next() * 4)
  const values = Array.from({ length: count }, () => (next() < 0.2 ? pick(next, ['null', '"NaN"', '"Infinity"', 'true']) : number(next)))
  const times = Array.from({ length: next() < 0.05 ? count + 1 : count }, (_, i) =>
    pick(next, [`${NOW + i}`, `${NOW + i}`, '5', '0', '-3', '1.5', '1e3']),
  )
  const line = `{"metric":${metric},"values":[${values.join(',')}],"timestamps":[${times.join(',')}]}`
  return pick(next, [
    line,
    line,
    line,
    line,
    ` ${line}`,
    line.replaceAll(',', ', '),
    line.slice(0, -1),
    `${line}\r`,
    `${line.slice(0, -1)},"metric":{"__name__":"other"}}`,
    '',
  ])
}

const templates = compileGraphiteTemplates(['servers.* .host.measurement*', 'measurement*'])

interface Format {
  readonly name: string
  readonly line: (next: Random) => string
  readonly decode: (body: Uint8Array, options: DecodeOptions) => Decoded
}

const FORMATS: readonly Format[] = [
  { name: 'Prometheus text', line: textLine, decode: decodePrometheusText },
  {
    name: 'Prometheus text without its times, histograms converted',
    line: textLine,
    decode: (body, options) => decodePrometheusText(body, { ...options, honorTimestamps: false, convertClassicHistograms: true }),
  },
  { name: 'OpenMetrics', line: textLine, decode: (body, options) => decodeOpenMetricsText(body, { ...options, badLine: 'line' }) },
  { name: 'OpenMetrics, all or nothing', line: textLine, decode: decodeOpenMetricsText },
  { name: 'line protocol', line: influxLine, decode: decodeLineProtocol },
  {
    name: 'line protocol with options',
    line: influxLine,
    decode: (body, options) =>
      decodeLineProtocol(body, { ...options, precision: 'auto', bareField: 'value', extraLabels: { db: 'x', dc: 'of the request' } }),
  },
  {
    name: 'line protocol in seconds',
    line: influxLine,
    decode: (body, options) => decodeLineProtocol(body, { ...options, precision: 's' }),
  },
  {
    name: 'line protocol in microseconds',
    line: influxLine,
    decode: (body, options) => decodeLineProtocol(body, { ...options, precision: 'us' }),
  },
  { name: 'Graphite', line: graphiteLine, decode: (body, options) => decodeGraphite(body, { ...options, templates }) },
  { name: 'JSON lines', line: jsonLine, decode: decodeJsonLines },
]

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
    return [error.code, error.message]
  }
}

/** A body of a few lines that come again and again, now and then with another order or a broken byte. */
function bodies(next: Random, line: (next: Random) => string): () => Uint8Array {
  let lines: string[] = []
  return () => {
    if (lines.length === 0 || next() < 0.3) lines = Array.from({ length: 1 + Math.floor(next() * 12) }, () => line(next))
    if (next() < 0.3) lines.splice(Math.floor(next() * lines.length), 1, line(next))
    if (next() < 0.1) lines.reverse()
    const body = ascii(`${lines.join('\n')}${pick(next, ['', '\n', '\n# EOF\n', '\n# EOF\n'])}`)
    if (body.length > 0 && next() < 0.1) body[Math.floor(next() * body.length)] = Math.floor(next() * 256)
    return body
  }
}

test.each(FORMATS)('$name: random lines decode alike', ({ line, decode }) => {
  const next = random(7)
  // Small, so that it is full now and then.
  const cache = new SeriesCache({ maxSeries: 60, maxBytes: 20_000 })
  const body = bodies(next, line)
  let ref = 0
  for (let round = 0; round < (LONG ? 10_000 : 400); round++) {
    const bytes = body()
    const want = outcome(() => decode(bytes, { now: NOW }))
    expect(outcome(() => decode(bytes, { now: NOW, cache }))).toEqual(want)
    const again = (): Decoded => {
      const decoded = decode(bytes, { now: NOW, cache })
      // As a store does it.
      const { series } = decoded.batch
      for (let slot = 0; slot < series.count; slot++) if (series.refs[slot] === 0) series.refs[slot] = ++ref
      return decoded
    }
    expect(outcome(again)).toEqual(want)
  }
})

test('numbers of known series are the nearest doubles', () => {
  const next = random(3)
  const cache = new SeriesCache()
  const texts: string[] = []
  for (let i = 0; i < (LONG ? 2_000_000 : 20_000); i++) {
    const kind = next()
    if (kind < 0.3) texts.push(`${digits(next, 19)}e${Math.floor(next() * 60 - 30)}`)
    else if (kind < 0.6) texts.push(String((next() - 0.5) * 10 ** Math.floor(next() * 50 - 25)))
    // Half between two doubles, and one digit beside it.
    else
      texts.push(
        `${2n ** BigInt(Math.floor(53 + next() * 10)) + BigInt(Math.floor(next() * 4096))}${pick(next, ['', 'e3', 'e-7', 'e-20', 'e20'])}`,
      )
  }
  for (let from = 0; from < texts.length; from += 10_000) {
    const part = texts.slice(from, from + 10_000)
    const body = ascii(part.map((text) => `x ${text}\n`).join(''))
    decodePrometheusText(body.subarray(0, body.indexOf(0x0a)), { now: NOW, cache })
    const [column] = decodePrometheusText(body, { now: NOW, cache }).batch.samples
    expect(Array.from(column!.values as Float64Array).slice(0, part.length)).toEqual(part.map(Number))
  }
})

test('a body with more than the kernel holds is decoded to its end', () => {
  const cache = new SeriesCache({ maxSeries: 100, maxBytes: 1_000_000 })
  for (let round = 0; round < 3; round++) {
    const body = ascii(Array.from({ length: 1_000 }, (_, i) => `up{instance="${i % 700}",round="${round}"} ${i} ${i}\n`).join(''))
    const want = outcome(() => decodePrometheusText(body, { now: NOW }))
    expect(outcome(() => decodePrometheusText(body, { now: NOW, cache }))).toEqual(want)
  }
})
