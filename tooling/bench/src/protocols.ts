/**
 * The decoders of @tsink/protocols on bodies of 2,000 series, beside what one would reach for first: protobufjs objects with snappyjs for
 * protobuf, split and regular expressions for text. The last rows go all the way: a remote-write body into an engine on a disk with its
 * log on, no sync for each body.
 *
 * Each contender answers how many samples it saw, plus the sum of their values, so that none can win by skipping.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BatchBuilder, Labels, type WriteBatch } from '@tsink/core'
import { Engine } from '@tsink/engine'
import { nodeHost } from '@tsink/host/node'
import { snappyDecode, snappyEncode } from '@tsink/kernel'
import {
  decodeGraphite,
  decodeJsonLines,
  decodeLineProtocol,
  decodeOpenMetricsText,
  decodeOtlp,
  decodePrometheusText,
  decodeSnappyRemoteWrite,
  encodeRemoteWrite,
  printSeries,
  SeriesCache,
  type Decoded,
} from '@tsink/protocols'
import protobuf from 'protobufjs'
import snappyjs from 'snappyjs'
import { race, table, verdicts, type Contender, type Goal, type Report } from './suite.ts'

const NOW = 1_750_000_000_000
const STEP = 15_000

export async function suite({ quick }: { quick: boolean }): Promise<Report> {
  const rounds = quick ? 3 : 15
  const series = quick ? 100 : 2_000
  const groups: { title: string; contenders: Contender[]; samples: number }[] = []
  const single = batchOf(series, 1)
  const ten = batchOf(Math.max(1, series / 10), 10)
  groups.push(
    ...remoteWrite(single, series, 'remote write, 1 sample a series'),
    ...remoteWrite(ten, series, 'remote write, 10 samples a series'),
  )
  groups.push(...texts(single, series))
  const rows = [['', 'ns/sample', 'M samples/s', 'times as fast as the slowest']]
  const found = new Map<string, number>()
  for (const { title, contenders, samples } of groups) {
    const times = race(contenders, rounds, contenders[0]!.run())
    const slowest = Math.max(...times.values())
    rows.push([title, '', '', ''])
    for (const [name, ms] of times) {
      const ns = (ms * 1e6) / samples
      found.set(`${title}: ${name}`, ns)
      rows.push([`  ${name}`, ns.toFixed(0), (1_000 / ns).toFixed(2), (slowest / ms).toFixed(1)])
    }
  }
  const goals: Goal[] = []
  const atLeast = (name: string, key: string, want: number): void => {
    const rate = 1_000 / found.get(key)!
    goals.push({ name, want: `${want} M/s`, found: `${rate.toFixed(2)} M/s`, met: rate >= want })
  }
  const ratio =
    found.get('remote write, 1 sample a series: 1.0 protobufjs + snappyjs')! /
    found.get('remote write, 1 sample a series: 1.0 known series')!
  goals.push({
    name: 'remote-write walk beside protobufjs + snappyjs',
    want: '8 times',
    found: `${ratio.toFixed(1)} times`,
    met: ratio >= 8,
  })
  for (const format of ['Prometheus text', 'OpenMetrics text', 'line protocol', 'JSON lines']) atLeast(format, `${format}: known series`, 1)
  atLeast('OTLP protobuf', 'OTLP: protobuf, known series', 1)
  rows.push(['remote write into an engine with its log', '', '', ''])
  for (const [name, batch, want] of [
    ['1 sample a series', single, 3],
    ['10 samples a series', ten, 15],
  ] as const) {
    const ns = await endToEnd(batch, series, quick ? 3 : 200)
    rows.push([`  ${name}`, ns.toFixed(0), (1_000 / ns).toFixed(2), ''])
    goals.push({ name: `into the engine, ${name}`, want: `${want} M/s`, found: `${(1_000 / ns).toFixed(2)} M/s`, met: 1_000 / ns >= want })
  }
  return { text: `${table(rows)}\n\n${verdicts(goals)}`, goals }
}

/** Series with ten labels and some 200 bytes of label text, as a fleet of scraped services has them. */
function labelsOf(i: number): Labels {
  return Labels.of({
    __name__: 'http_request_duration_seconds_bucket',
    cluster: 'prod-eu-west-1',
    namespace: 'monitoring',
    pod: `prometheus-${i % 100}-6f5c7d8b9c-x2x4z`,
    instance: `10.1.${i % 250}.${i % 97}:9090`,
    job: 'prometheus',
    handler: `/api/v1/query_${i}`,
    method: 'GET',
    code: '200',
    le: '0.25',
  })
}

function batchOf(series: number, samples: number, time = NOW): WriteBatch {
  const builder = new BatchBuilder()
  for (let i = 0; i < series; i++) {
    const slot = builder.slot(labelsOf(i))
    for (let j = 0; j < samples; j++) builder.float(slot, time + j * STEP, i * 0.5 + j)
  }
  return builder.build()
}

/** Counts what was decoded, and gives it back as a server does when its append is over. */
function sumAndRelease({ batch, release }: Decoded): number {
  const sum = sumOf(batch)
  release?.()
  return sum
}

function sumOf(batch: WriteBatch): number {
  let sum = 0
  for (const column of batch.samples) {
    sum += column.count
    if (column.kind === 'f64') for (let i = 0; i < column.count; i++) sum += column.values[i]!
  }
  return sum
}

const SCHEMA = `syntax = "proto3";
message WriteRequest { repeated TimeSeries timeseries = 1; }
message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
message Label { string name = 1; string value = 2; }
message Sample { double value = 1; int64 timestamp = 2; }`

function remoteWrite(batch: WriteBatch, samples: number, title: string): { title: string; contenders: Contender[]; samples: number }[] {
  const type = protobuf.parse(SCHEMA).root.lookupType('WriteRequest')
  const blocks = { 1: snappyEncode(encodeRemoteWrite(batch, 1)), 2: snappyEncode(encodeRemoteWrite(batch, 2)) } as const
  const known = (version: 1 | 2): (() => number) => {
    const cache = new SeriesCache()
    const first = decodeSnappyRemoteWrite(blocks[version], version, { now: NOW, cache }).batch.series
    for (let i = 0; i < first.count; i++) first.refs[i] = i + 1
    return () => sumAndRelease(decodeSnappyRemoteWrite(blocks[version], version, { now: NOW, cache }))
  }
  const objects = (decompress: (block: Uint8Array) => Uint8Array) => (): number => {
    const request = type.decode(decompress(blocks[1])) as unknown as { timeseries: { samples: { value: number }[] }[] }
    let sum = 0
    for (const series of request.timeseries) for (const sample of series.samples) sum += sample.value + 1
    return sum
  }
  const plain = (version: 1 | 2) => (): number => sumOf(decodeSnappyRemoteWrite(blocks[version], version, { now: NOW }).batch)
  return [
    {
      title,
      samples,
      contenders: [
        { name: '1.0 known series', run: known(1) },
        { name: '1.0 plain TypeScript, every series new', run: plain(1) },
        { name: '2.0 known series', run: known(2) },
        { name: '2.0 plain TypeScript, every series new', run: plain(2) },
        { name: '1.0 protobufjs + snappyjs', run: objects((block) => snappyjs.uncompress(block)) },
        { name: '1.0 protobufjs + our snappy', run: objects((block) => snappyDecode(block, 1 << 28)) },
      ],
    },
  ]
}

function texts(batch: WriteBatch, series: number): { title: string; contenders: Contender[]; samples: number }[] {
  const encoder = new TextEncoder()
  const all = Array.from({ length: series }, (_, i) => ({ labels: labelsOf(i), value: i * 0.5 }))
  const lines = all.map(({ labels, value }) => `${printSeries(labels)} ${value}`)
  const text = encoder.encode(`${lines.map((line) => `${line} ${NOW}`).join('\n')}\n`)
  const openMetrics = encoder.encode(`${lines.map((line) => `${line} ${NOW / 1e3}`).join('\n')}\n# EOF\n`)
  const influx = encoder.encode(
    all
      .map(
        ({ labels, value }) =>
          `http,${[...labels]
            .filter(([name]) => name !== '__name__')
            .map(([name, tag]) => `${name}=${tag}`)
            .join(',')} duration=${value} ${NOW}000000`,
      )
      .join('\n'),
  )
  const graphite = encoder.encode(
    all.map(({ value }, i) => `servers.web${i}.http.duration;cluster=prod;job=x ${value} ${NOW / 1e3}`).join('\n'),
  )
  const jsonLines = encoder.encode(
    all.map(({ labels, value }) => JSON.stringify({ metric: labels.toJSON(), values: [value], timestamps: [NOW] })).join('\n'),
  )
  const want = sumOf(batch)
  const group = (
    title: string,
    decode: (cache?: SeriesCache) => Decoded,
    more: Contender[] = [],
  ): { title: string; contenders: Contender[]; samples: number } => {
    const cache = new SeriesCache()
    const first = decode(cache).batch
    for (let i = 0; i < first.series.count; i++) first.series.refs[i] = i + 1
    return {
      title,
      samples: series,
      contenders: [
        { name: 'known series', run: () => sumAndRelease(decode(cache)) },
        { name: 'plain TypeScript, every series new', run: () => sumAndRelease(decode()) },
        ...more,
      ],
    }
  }
  const cached = (cache?: SeriesCache): { now: number; cache?: SeriesCache } => ({ now: NOW, ...(cache === undefined ? {} : { cache }) })
  return [
    group('Prometheus text', (cache) => decodePrometheusText(text, cached(cache)), [
      { name: 'split and regular expressions', run: () => regexText(text) },
    ]),
    group('OpenMetrics text', (cache) => decodeOpenMetricsText(openMetrics, cached(cache))),
    group('line protocol', (cache) => decodeLineProtocol(influx, cached(cache)), [{ name: 'split', run: () => splitLines(influx) }]),
    group('Graphite', (cache) => decodeGraphite(graphite, cached(cache))),
    group('JSON lines', (cache) => decodeJsonLines(jsonLines, cached(cache)), [
      { name: 'JSON.parse, objects only', run: () => parseLines(jsonLines) },
    ]),
    otlp(all, series, want),
  ]
}

function regexText(body: Uint8Array): number {
  let sum = 0
  for (const line of new TextDecoder().decode(body).split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+(\d+))?$/.exec(line)
    if (match === null) continue
    const labels: Record<string, string> = { __name__: match[1]! }
    for (const [, name, value] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[name!] = value!
    sum += Number(match[3]) + 1
  }
  return sum
}

function parseLines(body: Uint8Array): number {
  let sum = 0
  for (const line of new TextDecoder().decode(body).split('\n')) for (const value of JSON.parse(line).values as number[]) sum += value + 1
  return sum
}

function splitLines(body: Uint8Array): number {
  let sum = 0
  for (const line of new TextDecoder().decode(body).split('\n')) {
    const [series, fields] = line.split(' ') as [string, string]
    const tags = Object.fromEntries(
      series
        .split(',')
        .slice(1)
        .map((tag) => tag.split('=')),
    )
    for (const field of fields.split(',')) sum += Number(field.split('=')[1]) + (tags['job'] === undefined ? 0 : 1)
  }
  return sum
}

function otlp(
  all: readonly { labels: Labels; value: number }[],
  series: number,
  want: number,
): { title: string; contenders: Contender[]; samples: number } {
  const points = all.map(({ labels, value }) => ({
    timeUnixNano: `${NOW}000000`,
    asDouble: value,
    attributes: [...labels].filter(([name]) => name !== '__name__').map(([key, text]) => ({ key, value: { stringValue: text } })),
  }))
  const request = { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'http.duration', gauge: { dataPoints: points } }] }] }] }
  const json = new TextEncoder().encode(JSON.stringify(request))
  const type = protobuf.parse(OTLP_SCHEMA).root.lookupType('Request')
  const binary = type.encode(type.fromObject(request)).finish()
  const cache = new SeriesCache()
  const objects = (): number => {
    const decoded = type.decode(binary) as unknown as {
      resourceMetrics: { scopeMetrics: { metrics: { gauge: { dataPoints: { asDouble: number }[] } }[] }[] }[]
    }
    let sum = 0
    for (const point of decoded.resourceMetrics[0]!.scopeMetrics[0]!.metrics[0]!.gauge.dataPoints) sum += point.asDouble + 1
    return sum
  }
  if (objects() !== want) throw new Error('the OTLP body does not have the samples of the others')
  return {
    title: 'OTLP',
    samples: series,
    contenders: [
      { name: 'protobuf, known series', run: () => sumAndRelease(decodeOtlp(binary, 'protobuf', { now: NOW, cache })) },
      { name: 'protobuf, plain TypeScript, every series new', run: () => sumAndRelease(decodeOtlp(binary, 'protobuf', { now: NOW })) },
      { name: 'JSON, known series', run: () => sumAndRelease(decodeOtlp(json, 'json', { now: NOW, cache })) },
      { name: 'protobufjs, objects only', run: objects },
    ],
  }
}

const OTLP_SCHEMA = `syntax = "proto3";
message Request { repeated Resource resource_metrics = 1; }
message Resource { repeated Scope scope_metrics = 2; }
message Scope { repeated Metric metrics = 2; }
message Metric { string name = 1; Gauge gauge = 5; }
message Gauge { repeated Point data_points = 1; }
message Point { fixed64 time_unix_nano = 3; double as_double = 4; repeated KeyValue attributes = 7; }
message KeyValue { string key = 1; Any value = 2; }
message Any { string string_value = 1; }`

/** Nanoseconds a sample from a snappy block to an engine's answer. Every body brings the next samples of the same series. */
async function endToEnd(batch: WriteBatch, samples: number, bodies: number): Promise<number> {
  const column = batch.samples[0]!
  const blocks = Array.from({ length: bodies }, (_, body) => {
    const perSeries = samples / batch.series.count
    const timestamps = column.timestamps.map((time) => time + body * perSeries * STEP)
    return snappyEncode(encodeRemoteWrite({ ...batch, samples: [{ ...column, timestamps } as typeof column] }, 1))
  })
  const dir = mkdtempSync(join(tmpdir(), 'tsink-bench-'))
  try {
    const engine = await Engine.open(nodeHost(dir), { sync: 'os' })
    const cache = new SeriesCache()
    let accepted = 0
    const times: number[] = []
    for (const block of blocks) {
      const start = performance.now()
      const decoded = decodeSnappyRemoteWrite(block, 1, { now: NOW, cache })
      accepted += (await engine.append(decoded.batch)).accepted
      decoded.release?.()
      times.push(performance.now() - start)
    }
    await engine.close()
    if (accepted !== samples * bodies) throw new Error(`the engine accepted ${accepted} samples of ${samples * bodies}`)
    // The first half makes the series and warms the loops up. Of the rest the quarter mark, as in races: a busy machine interrupts the others.
    const settled = times.slice(bodies >> 1).toSorted((a, b) => a - b)
    return (settled[settled.length >> 2]! * 1e6) / samples
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
