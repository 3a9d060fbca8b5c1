/**
 * Segments: writing, loading the index, selecting, reading chunks, and what the index costs a series and a chunk. Run with
 * `node --conditions=@tsink/source packages/segment/test/segment.bench.ts [series]`; segment.bench.test.ts runs it at toy size.
 */
import { encodeLabels, Labels, Matcher, SampleBuffer } from '@tsink/core'
import { sealChunk } from '@tsink/codecs'
import { volatileHost } from '@tsink/host/memory'
import { Segment, SegmentWriter } from '@tsink/segment'
import { compareBytes } from './fixtures.ts'

export interface SegmentFigures {
  readonly writeSeconds: number
  readonly loadMillis: number
  readonly longestStallMillis: number
  readonly indexBytesPerChunk: number
  readonly memoryBytesPerSeries: number
  readonly select: { readonly query: string; readonly micros: number; readonly series: number }[]
  readonly chunkMicros: number
  readonly labelsMicros: number
}

/** The labels of a fleet: jobs of ten metrics on hosts with pods that come and go, ten labels a series. */
function fleet(series: number): Uint8Array[] {
  const labels: Uint8Array[] = []
  for (let i = 0; i < series; i++) {
    const host = Math.floor(i / 100)
    labels.push(
      encodeLabels(
        Labels.of({
          __name__: `container_metric_${i % 10}_total`,
          cluster: 'eu-west-1',
          namespace: `team-${host % 40}`,
          node: `ip-10-0-${host % 256}-${Math.floor(host / 256)}`,
          pod: `service-${host % 40}-${((Math.floor(i / 10) * 2_654_435_761) >>> 0).toString(16)}`,
          container: ['app', 'proxy', 'logs'][Math.floor(i / 10) % 3]!,
          job: 'kubelet',
          instance: `10.0.${host % 256}.${Math.floor(host / 256)}:10250`,
          image: `registry.local/service-${host % 40}:v1.${host % 7}`,
          id: `/kubepods/${i}`,
        }),
      ),
    )
  }
  return labels.sort(compareBytes)
}

export async function measureSegment(series: number): Promise<SegmentFigures> {
  const host = volatileHost()
  const samples = new SampleBuffer(480)
  for (let i = 0; i < 480; i++) samples.push(1_750_000_000_000 + i * 15_000, i * 3)
  const chunk = sealChunk(samples)
  const labels = fleet(series)
  const chunksEach = 2

  const writeStart = performance.now()
  const writer = await SegmentWriter.create(host, 'a.seg', { id: 1, level: 0, base: 0, minSequence: 1, maxSequence: 1 })
  for (const bytes of labels) {
    writer.series(bytes)
    for (let i = 0; i < chunksEach; i++) writer.chunk(chunk)
  }
  const info = await writer.finish()
  const writeSeconds = (performance.now() - writeStart) / 1_000

  const segment = await Segment.open(host, 'a.seg')
  let longestStallMillis = 0
  let last = performance.now()
  let isLoading = true
  const watch = (async (): Promise<void> => {
    while (isLoading) {
      await host.clock.turn()
      const now = performance.now()
      longestStallMillis = Math.max(longestStallMillis, now - last)
      last = now
    }
  })()
  const loadStart = performance.now()
  const index = await segment.loadIndex()
  const loadMillis = performance.now() - loadStart
  isLoading = false
  await watch

  const queries: [string, Matcher[]][] = [
    ['one metric', [Matcher.metric('container_metric_3_total')]],
    ['one metric of one namespace', [Matcher.metric('container_metric_3_total'), Matcher.equal('namespace', 'team-7')]],
    ['one pod by expression', [new Matcher('=~', 'pod', 'service-7-.*'), Matcher.metric('container_metric_1_total')]],
    ['all but one job', [new Matcher('!=', 'job', 'node')]],
  ]
  const select = queries.map(([query, matchers]) => {
    const expected = index.select(matchers).length
    const [micros, found] = best(5, () => index.select(matchers).length)
    if (found !== expected) throw new Error(`${query}: ${found} series, then ${expected}`)
    return { query, micros, series: found }
  })
  if (select[0]!.series !== Math.ceil((series - 3) / 10)) throw new Error(`one metric has ${select[0]!.series} series`)

  const into = new Uint8Array(65_536)
  const count = Math.min(20_000, info.chunks)
  let bytes = 0
  const [chunkMicros] = best(3, () => {
    bytes = 0
    for (let i = 0; i < count; i++) bytes += segment.readChunk(index, i).length
    return bytes
  })
  if (bytes !== count * chunk.length) throw new Error('chunks came back with another length')
  const [labelsMicros, labelBytes] = best(3, () => {
    let total = 0
    for (let i = 0; i < Math.min(20_000, series); i++) total += index.labelBytes(i, into).length
    return total
  })
  if (labelBytes !== labels.slice(0, 20_000).reduce((sum, one) => sum + one.length, 0))
    throw new Error('labels came back with another length')
  return {
    writeSeconds,
    loadMillis,
    longestStallMillis,
    indexBytesPerChunk: (info.sizeBytes - info.chunks * chunk.length) / info.chunks,
    memoryBytesPerSeries: index.bytesUsed / series,
    select,
    chunkMicros: chunkMicros / count,
    labelsMicros: labelsMicros / Math.min(20_000, series),
  }
}

/** Microseconds of the best of some runs, and the last result. */
function best(runs: number, run: () => number): [micros: number, result: number] {
  let micros = Infinity
  let result = 0
  for (let i = 0; i < runs; i++) {
    const start = performance.now()
    result = run()
    micros = Math.min(micros, (performance.now() - start) * 1_000)
  }
  return [micros, result]
}

if (import.meta.main) {
  const series = Number(process.argv[2] ?? 200_000)
  const figures = await measureSegment(series)
  console.log(`${series} series of ten labels, two chunks each`)
  console.log(`write           ${figures.writeSeconds.toFixed(2)} s, ${((figures.writeSeconds * 1e6) / series).toFixed(2)} µs a series`)
  console.log(`load the index  ${figures.loadMillis.toFixed(0)} ms, longest stall ${figures.longestStallMillis.toFixed(0)} ms`)
  console.log(
    `index           ${figures.indexBytesPerChunk.toFixed(1)} bytes a chunk in the file, ${figures.memoryBytesPerSeries.toFixed(0)} bytes a series in memory`,
  )
  for (const { query, micros, series: found } of figures.select)
    console.log(`select          ${query}: ${micros.toFixed(0)} µs, ${found} series`)
  console.log(`read a chunk    ${figures.chunkMicros.toFixed(2)} µs`)
  console.log(`label bytes     ${figures.labelsMicros.toFixed(2)} µs`)
}
