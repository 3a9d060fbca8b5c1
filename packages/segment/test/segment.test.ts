import { encodeLabels, Labels, Matcher, TsinkError } from '@tsink/core'
import { memoryHost, type MemoryHost } from '@tsink/host/memory'
import { Segment, SegmentWriter } from '@tsink/segment'
import { describe, expect, test } from 'vitest'
import { makeChunk, makeSeries, META, ordered, writeSegment } from './fixtures.ts'

async function failure(run: () => Promise<unknown>): Promise<TsinkError> {
  try {
    await run()
  } catch (error) {
    if (error instanceof TsinkError) return error
    throw error
  }
  throw new Error('expected that it fails')
}

/** Everything that a reader can get from a segment file, or the first error. */
async function readAll(host: MemoryHost, path: string): Promise<number> {
  const segment = await Segment.open(host, path)
  try {
    const index = await segment.loadIndex()
    await segment.verify()
    let bytes = 0
    for (let series = 0; series < index.seriesCount; series++) {
      index.labels(series)
      for (let chunk = index.chunkFrom[series]!; chunk < index.chunkFrom[series + 1]!; chunk++)
        bytes += segment.readChunk(index, chunk).length
    }
    for (const name of index.labelNames()) for (const value of index.labelValues(name)) index.postings(name, value)
    return bytes
  } finally {
    await segment.close()
  }
}

describe('a segment', () => {
  test('gives back series, labels and chunks as they were written', async () => {
    const host = memoryHost()
    const planned = makeSeries(100)
    const info = await writeSegment(host, 'a.seg', planned)
    expect(info).toMatchObject({
      ...META,
      path: 'a.seg',
      series: 100,
      chunks: 200,
      samples: 24_000,
      minTime: 1_000_000,
      maxTime: 1_000_000 + 15_000 * 239,
    })
    expect(info.sizeBytes).toBe(host.disk.peek('a.seg').length)
    const segment = await Segment.open(host, 'a.seg')
    expect(segment.info).toEqual(info)
    const index = await segment.loadIndex()
    const expected = ordered(planned)
    for (let i = 0; i < expected.length; i++) {
      expect(index.labels(i).toString()).toBe(expected[i]!.labels.toString())
      expect(index.labelBytes(i)).toEqual(encodeLabels(expected[i]!.labels))
      const chunks = []
      for (let chunk = index.chunkFrom[i]!; chunk < index.chunkFrom[i + 1]!; chunk++) chunks.push(segment.readChunk(index, chunk))
      expect(chunks).toEqual(expected[i]!.chunks)
    }
    await segment.verify()
  })

  test('resolves matchers as looking at every series does', async () => {
    const host = memoryHost()
    const planned = ordered(makeSeries(60))
    await writeSegment(host, 'a.seg', planned)
    const index = await (await Segment.open(host, 'a.seg')).loadIndex()
    const cases: Matcher[][] = [
      [],
      [Matcher.metric('up')],
      [Matcher.metric('absent')],
      [new Matcher('!=', 'job', 'node')],
      [new Matcher('=', 'mode', '')],
      [new Matcher('!=', 'mode', '')],
      [new Matcher('=~', 'mode', 'idle|user'), Matcher.metric('cpu_seconds_total')],
      [new Matcher('!~', 'mode', 'i.*')],
      [new Matcher('=~', 'instance', 'host-1.?'), new Matcher('=~', 'mode', '|idle')],
      [new Matcher('=', 'nothing', 'x')],
      [new Matcher('=~', 'job', 'gr.*e')],
    ]
    for (const matchers of cases) {
      const want = planned.flatMap(({ labels }, i) => (matchers.every((matcher) => matcher.matches(labels.get(matcher.name))) ? [i] : []))
      expect([...index.select(matchers)], matchers.join(', ')).toEqual(want)
    }
  })

  test('a list of matchers that comes again selects the same, however many others came between', async () => {
    const host = memoryHost()
    await writeSegment(host, 'a.seg', makeSeries(300))
    const index = await (await Segment.open(host, 'a.seg')).loadIndex()
    const lists = Array.from({ length: 600 }, (_, i) => [
      new Matcher('=~', 'instance', `host-${i % 100}|host-${i % 7}`),
      Matcher.metric('up'),
    ])
    const first = lists.map((list) => [...index.select(list)])
    const before = index.bytesUsed
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < lists.length; i++) {
        expect([...index.select(lists[i]!)]).toEqual(first[i])
        expect([...index.select(lists[i]!)]).toEqual(first[i])
      }
    }
    expect(index.bytesUsed).toBeLessThan(before + 100_000)
    expect(first.some((series) => series.length > 0)).toBe(true)
  })

  test('a list of matchers that its owner changes selects what is in it now', async () => {
    const host = memoryHost()
    await writeSegment(host, 'a.seg', makeSeries(30))
    const index = await (await Segment.open(host, 'a.seg')).loadIndex()
    const list = [Matcher.metric('up')]
    const up = [...index.select(list)]
    list.push(Matcher.equal('job', 'nothing'))
    expect([...index.select(list)]).toEqual([])
    list.length = 0
    expect(index.select(list)).toHaveLength(30)
    list.push(Matcher.metric('up'))
    expect([...index.select(list)]).toEqual(up)
    expect(up.length).toBeGreaterThan(0)
  })

  test('lists label names and values, of all series or of some', async () => {
    const host = memoryHost()
    await writeSegment(host, 'a.seg', makeSeries(9))
    const index = await (await Segment.open(host, 'a.seg')).loadIndex()
    expect(index.labelNames()).toEqual(['__name__', 'instance', 'job', 'mode'])
    expect(index.labelValues('job')).toEqual(['größe', 'node'])
    expect(index.labelValues('nothing')).toEqual([])
    const up = index.select([Matcher.metric('up')])
    expect(index.labelNames(up)).toEqual(['__name__', 'instance', 'job'])
    expect(index.labelValues('__name__', up)).toEqual(['up'])
    expect(index.labelValues('mode', up)).toEqual([])
  })

  test('times in nanoseconds are exact, relative to the base', async () => {
    const host = memoryHost()
    const base = 8_192 * 213_623_046_875_000
    const chunkBase = base + 8_192 * 1_000
    const labels = Labels.of({ __name__: 'n' })
    const info = await writeSegment(
      host,
      'a.seg',
      [{ labels, chunks: [makeChunk(1, 10, 3, chunkBase), makeChunk(1_001, 10, 3, chunkBase)] }],
      { ...META, base },
    )
    expect(info.base).toBe(base)
    expect(info.minTime).toBe(8_192_001)
    expect(info.maxTime).toBe(8_192_000 + 1_001 + 27)
    const segment = await Segment.open(host, 'a.seg')
    const index = await segment.loadIndex()
    expect([...index.chunkMinTime]).toEqual([8_192_001, 8_193_001])
    segment.readChunk(index, 1)
  })

  test('series without labels, with empty sets of shapes and with long values are kept', async () => {
    const host = memoryHost()
    const long = 'x'.repeat(16_384)
    const planned = [Labels.EMPTY, Labels.of({ a: long }), Labels.of({ a: `${long}y`.slice(1), b: '\u{1f600}' })].map((labels) => ({
      labels,
      chunks: [makeChunk(0, 1)],
    }))
    await writeSegment(host, 'a.seg', planned)
    const index = await (await Segment.open(host, 'a.seg')).loadIndex()
    const expected = ordered(planned).map(({ labels }) => labels.toString())
    expect(expected.map((_, i) => index.labels(i).toString())).toEqual(expected)
    expect(index.postings('b', '\u{1f600}').size).toBe(1)
  })

  test('overlapping chunks of a series keep their order', async () => {
    const host = memoryHost()
    const chunks = [makeChunk(0, 100, 10), makeChunk(0, 5, 1), makeChunk(500, 1_000, 1)]
    await writeSegment(host, 'a.seg', [{ labels: Labels.of({ a: 'b' }), chunks }])
    const segment = await Segment.open(host, 'a.seg')
    const index = await segment.loadIndex()
    expect([...index.chunkMinTime]).toEqual([0, 0, 500])
    expect([...index.chunkMaxTime]).toEqual([990, 4, 1_499])
    expect([0, 1, 2].map((chunk) => segment.readChunk(index, chunk))).toEqual(chunks)
  })

  test('neighbouring chunks are read together, and chunks that are asked for again from memory', async () => {
    const host = memoryHost()
    const planned = ordered(makeSeries(20))
    await writeSegment(host, 'a.seg', planned)
    const segment = await Segment.open(host, 'a.seg')
    const index = await segment.loadIndex()
    const chunks = planned.flatMap((series) => series.chunks)
    const before = host.disk.reads
    for (const round of [1, 2]) {
      for (let i = 0; i < chunks.length; i++) expect(segment.readChunk(index, i), `chunk ${i}, round ${round}`).toEqual(chunks[i])
    }
    expect(host.disk.reads - before).toBeLessThanOrEqual(1 + Math.ceil(chunks.reduce((sum, { length }) => sum + length, 0) / 32_768))
  })

  test('a chunk that is damaged on the disk after it was read is found by verify, and in what is read anew', async () => {
    const host = memoryHost()
    const info = await writeSegment(host, 'a.seg', [{ labels: Labels.of({ a: 'b' }), chunks: [makeChunk(0, 100), makeChunk(1_000, 100)] }])
    const segment = await Segment.open(host, 'a.seg')
    const index = await segment.loadIndex()
    segment.readChunk(index, 0)
    const file = await host.disk.open('a.seg', 'write')
    file.writeSync(Uint8Array.of(0xff, 0xff), index.chunkOffset[0]! + 20)
    expect(segment.readChunk(index, 0)).toEqual(makeChunk(0, 100))
    expect((await failure(() => segment.verify())).code).toBe('CHECKSUM')
    expect((await failure(async () => segment.readChunk(index, 0))).code).toBe('CHECKSUM')
    expect(segment.readChunk(index, 1)).toEqual(makeChunk(1_000, 100))
    const other = Segment.of(host, info)
    const again = await other.loadIndex()
    expect((await failure(async () => other.readChunk(again, 0))).code).toBe('CHECKSUM')
  })

  test('that the catalog names is opened when its index is loaded, and must be the same', async () => {
    const host = memoryHost()
    const info = await writeSegment(host, 'a.seg', makeSeries(3))
    const reads = host.disk.reads
    const segment = Segment.of(host, info)
    expect(host.disk.reads).toBe(reads)
    const [one, two] = await Promise.all([segment.loadIndex(), segment.loadIndex()])
    expect(one).toBe(two)
    expect(segment.index).toBe(one)
    segment.dropIndex()
    expect(segment.index).toBeNull()
    expect(segment.readChunk(one, 0).length).toBeGreaterThan(0)
    const now = segment.loadIndexNow()
    expect(segment.index).toBe(now)
    expect([...now.select([Matcher.metric('up')])]).toEqual([...one.select([Matcher.metric('up')])])
    const other = Segment.of(host, info)
    await other.openFile()
    expect(other.loadIndexNow().seriesCount).toBe(3)
    const wrong = await failure(() => Segment.of(host, { ...info, samples: 1 }).loadIndex())
    expect(wrong.code).toBe('BAD_FORMAT')
    expect(wrong.detail).toMatchObject({ file: 'a.seg', expected: 1, found: info.samples })
    const missing = await failure(() => Segment.of(host, { ...info, path: 'b.seg' }).loadIndex())
    expect(missing.kind).toBe('corrupt')
  })

  test('a segment that is given up leaves no file', async () => {
    const host = memoryHost()
    const writer = await SegmentWriter.create(host, 'a.seg', META)
    writer.series(encodeLabels(Labels.of({ a: 'b' })))
    await writer.abort()
    expect(await host.disk.list('')).toEqual([])
  })

  test('the index of regular series is small', async () => {
    const host = memoryHost()
    const planned = makeSeries(999, 4)
    const info = await writeSegment(host, 'a.seg', planned)
    const chunkBytes = planned.reduce((sum, { chunks }) => sum + chunks.reduce((bytes, chunk) => bytes + chunk.length, 0), 0)
    const perChunk = (info.sizeBytes - chunkBytes) / info.chunks
    expect(perChunk).toBeLessThan(16)
  })
})

describe('a damaged segment', () => {
  test('is found out wherever one byte has changed, and never leads outside', async () => {
    const host = memoryHost()
    await writeSegment(host, 'a.seg', makeSeries(6, 1, 12))
    const whole = host.disk.peek('a.seg')
    const sound = await readAll(host, 'a.seg')
    for (let at = 0; at < whole.length; at++) {
      const damaged = whole.slice()
      damaged[at]! ^= 1 << (at % 8)
      host.disk.poke('a.seg', damaged)
      const error = await failure(() => readAll(host, 'a.seg'))
      expect(error.kind, `byte ${at}`).toBe('corrupt')
      expect(error.detail['file'], `byte ${at}`).toBe('a.seg')
      expect(error.detail, `byte ${at}`).toHaveProperty('offset')
    }
    host.disk.poke('a.seg', whole)
    expect(await readAll(host, 'a.seg')).toBe(sound)
  })

  test('is found out wherever the file is cut, and when something follows its end', async () => {
    const host = memoryHost()
    await writeSegment(host, 'a.seg', makeSeries(6, 1, 12))
    const whole = host.disk.peek('a.seg')
    for (let size = 0; size < whole.length; size += 7) {
      host.disk.poke('a.seg', whole.subarray(0, size))
      expect((await failure(() => readAll(host, 'a.seg'))).kind).toBe('corrupt')
    }
    const longer = new Uint8Array(whole.length + 1)
    longer.set(whole)
    host.disk.poke('a.seg', longer)
    expect((await failure(() => readAll(host, 'a.seg'))).kind).toBe('corrupt')
  })
})

describe('an index of more than one piece', () => {
  test('is written and read, with values of all lengths, common beginnings and zero bytes in byte order', async () => {
    const host = memoryHost()
    const chunk = makeChunk(0, 1)
    const values = new Set<string>()
    for (let i = 0; i < 33_000; i++) {
      const number = Math.imul(i, 2_654_435_761) >>> 0
      values.add(`/a/long/common/beginning/${number % 3}/${number.toString(36)}${'x'.repeat(i % 40)}`)
      if (i % 100 === 0) for (const zeros of ['', '\0', '\0\0', '\0\0\0\0\0', '\0a']) values.add(`zero${i % 300}${zeros}`)
      if (i % 1_000 === 0) values.add('e'.repeat(i / 100 + 1))
      if (i % 1_000 === 1) values.add(`größe ${number % 50} ${'\u{1f600}'.repeat(i % 7)}`)
    }
    const planned = [...values].map((value) => ({ labels: Labels.of({ id: value }), chunks: [chunk] }))
    const info = await writeSegment(host, 'a.seg', planned)
    const segment = Segment.of(host, info)
    // Loading refuses values that are out of order or come twice.
    const index = await segment.loadIndex()
    expect(index.valueCount('id')).toBe(values.size)
    expect(index.bytesUsed).toBeGreaterThan(2_000_000)
    expect(new Set(index.labelValues('id'))).toEqual(values)
    const some = [...values][12_345]!
    const [series] = index.select([Matcher.equal('id', some)])
    expect(index.labels(series!).get('id')).toBe(some)
    await segment.verify()
  })
})
