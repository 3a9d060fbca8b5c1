/** Verifying a store: whatever byte of whatever file is changed, it is found and named; what is whole has no problem; nothing is changed by looking. */
import { describe, expect, it } from 'vitest'
import { BatchBuilder, Labels, Matcher } from '@tsink/core'
import { ByteWriter, crc32c } from '@tsink/codecs'
import { memoryHost, type MemoryHost } from '@tsink/host/memory'
import { Log } from '@tsink/wal'
import { Engine, type EngineOptions } from '@tsink/engine'
import { batchOf } from './ledger.ts'

const OPTIONS: EngineOptions = { background: false, chunkSamples: 8, partitionMs: 1_000, flushOnClose: false }
const WHERE = { clock: memoryHost().clock, reserveBytes: 0 }

/** A closed store with something in every kind of file. */
async function store(): Promise<MemoryHost> {
  const host = memoryHost()
  const engine = await Engine.open(host, OPTIONS)
  const samples = Array.from({ length: 80 }, (_, i) => ({ series: i % 8, time: i * 40, value: i * i }))
  await engine.append(batchOf(samples))
  const notes = new BatchBuilder()
  const slot = notes.slot(Labels.of({ __name__: 'float' }))
  notes.float(slot, 5, 0.25)
  notes.metadata({ metric: 'float', type: 'gauge', help: 'A number', unit: '' })
  notes.exemplar({ slot, labels: Labels.of({ trace: 'abc' }), timestamp: 5, value: 1 })
  await engine.append(notes.build())
  await engine.flush()
  await engine.delete({ selectors: [[Matcher.equal('group', 'g1')]], minTime: 0, maxTime: 800 })
  // Publishes the delete.
  await engine.append(batchOf(samples.slice(0, 20)))
  await engine.flush()
  await engine.append(batchOf(samples.slice(20, 60)))
  await engine.close()
  return host
}

async function filesOf(host: MemoryHost, dir = ''): Promise<string[]> {
  const files: string[] = []
  for (const { name, isDirectory } of await host.disk.list(dir)) {
    const path = dir === '' ? name : `${dir}/${name}`
    if (isDirectory) files.push(...(await filesOf(host, path)))
    else if (name !== 'lock') files.push(path)
  }
  return files
}

/** Appends one record to the log of a closed store. */
async function appendRecord(host: MemoryHost, type: number, sequence: number, payload: Uint8Array): Promise<void> {
  const [first] = (await host.disk.list('log')).filter(({ name }) => name.endsWith('.log'))
  const from = { file: Number.parseInt(first!.name, 10), offset: 0 }
  const { log } = await Log.open(host.disk, 'log', { ...WHERE, from }, () => undefined)
  log.append(type, sequence, payload)
  await log.close()
}

describe('verifying a closed store', () => {
  it('finds nothing in a whole one, says what it read, and changes nothing', async () => {
    const host = await store()
    const before = new Map((await filesOf(host)).map((path) => [path, host.disk.peek(path)]))
    const report = await Engine.verify(host)
    expect(report).toMatchObject({ problems: [], unlisted: [], log: { tail: null } })
    expect(report.segments).toBeGreaterThan(1)
    expect(report.samples).toBeGreaterThan(80)
    expect(report.log!.samples).toBeGreaterThanOrEqual(40)
    expect(new Map((await filesOf(host)).map((path) => [path, host.disk.peek(path)]))).toEqual(before)
    const engine = await Engine.open(host, OPTIONS)
    await expect(Engine.verify(host)).rejects.toMatchObject({ code: 'LOCKED' })
    expect(await engine.verify()).toMatchObject({ problems: [], segments: report.segments, samples: report.samples })
    await engine.close()
  })

  it('names the file of every flipped bit, with the place where that is known', { timeout: 120_000 }, async () => {
    const host = await store()
    const files = await filesOf(host)
    expect([...new Set(files.map((path) => path.replace(/\/.*/, '')))]).toEqual(['catalog', 'catalog.copy', 'log', 'notes', 'segments'])
    for (const path of files) {
      const whole = host.disk.peek(path)
      const step = Math.max(1, Math.floor(whole.length / 97))
      for (let at = 0; at < whole.length; at += step) {
        const bytes = whole.slice()
        bytes[at]! ^= 1 << (at % 8)
        host.disk.poke(path, bytes)
        const { problems, log } = await Engine.verify(host)
        // Behind the last mark nothing says that a byte was ever durable: there it is the tail that a crash leaves.
        const isTail = log?.tail?.file === path && log.tail.offset >= whole.length - 48
        const found = isTail ? log.tail! : problems.find(({ file }) => file === path)
        expect(found, `${path} at ${at}: ${JSON.stringify(problems)}`).toBeDefined()
        if (path.startsWith('log/')) expect(found!.offset).toBeLessThanOrEqual(at)
      }
      host.disk.poke(path, whole)
    }
    expect((await Engine.verify(host)).problems).toEqual([])
  })

  it('names files that are missing', async () => {
    const host = await store()
    for (const path of (await filesOf(host)).filter((each) => each !== 'catalog.copy')) {
      const whole = host.disk.peek(path)
      // A log that was cut may begin with any file from the cut on; the last one has nothing behind it that would miss it.
      if (path.startsWith('log/')) continue
      await host.disk.remove(path)
      expect((await Engine.verify(host)).problems.map(({ file }) => file)).toContain(path)
      host.disk.poke(path, whole)
    }
  })

  it('finds records that are whole and make no sense, with their place', async () => {
    const check = async (type: number, sequence: number, payload: Uint8Array, message: RegExp): Promise<void> => {
      const host = await store()
      const before = (await filesOf(host)).filter((path) => path.startsWith('log/'))
      await appendRecord(host, type, sequence, payload)
      const { problems } = await Engine.verify(host)
      const [problem, ...others] = problems.filter(({ message: text }) => message.test(text))
      expect([problem === undefined ? problems : [], others]).toEqual([[], []])
      expect(before).not.toContain(problem!.file)
      expect(problem!.offset).toBe(80)
    }
    const batch = (id: number): Uint8Array => {
      const writer = new ByteWriter()
      for (const number of [77, 0, 1, 0, 4, 1]) writer.uvarint(number)
      writer.f64(0)
      writer.u32(id)
      writer.f64(5)
      writer.f64(1)
      writer.uvarint(0)
      writer.uvarint(0)
      return writer.finish()
    }
    await check(1, 1_000, batch(9), /names series 9, which the log does not define/)
    await check(1, 1_000, batch(0), /names series 0/)
    await check(1, 1_000, batch(9).subarray(0, 12), /batch record/)
    await check(1, 1_000, Uint8Array.of(...batch(9), 0), /bytes behind its end/)
    await check(3, 1, Uint8Array.of(1), /sequence 1 follows/)
    await check(9, 1_000, Uint8Array.of(1), /unknown type 9/)
    await check(2, 1_000, Uint8Array.of(5, 0, 0, 1, 1, 1, 61, 1, 97, 1, 98), /sequence 5, its record 1000/)
    await check(2, 1_000, Uint8Array.of(232, 7, 0, 0, 0), /selects everything/)
  })

  it('finds a summary that is not that of the samples, though every checksum is right', async () => {
    const host = memoryHost()
    const engine = await Engine.open(host, { background: false })
    const builder = new BatchBuilder()
    const slot = builder.slot(Labels.of({ __name__: 'float' }))
    for (let i = 0; i < 10; i++) builder.float(slot, i * 1_000, i * 1.25)
    await engine.append(builder.build())
    await engine.flush()
    const { path } = engine.stats().segments[0]!
    const bytes = host.disk.peek(path)
    const sum = new Uint8Array(Float64Array.of(56.25).buffer)
    const at = bytes.findIndex((_, i) => sum.every((byte, j) => bytes[i + j] === byte))
    expect(at).toBeGreaterThan(16)
    bytes[at + 7]! ^= 1
    // The chunk's own checksum stands in its last four bytes; the values begin where the chunk ends.
    const end = bytes.findIndex(
      (_, i) => i > at && new DataView(bytes.buffer).getUint32(i, true) === crc32c(host.disk.peek(path).subarray(16, i)),
    )
    new DataView(bytes.buffer).setUint32(end, crc32c(bytes.subarray(16, end)), true)
    host.disk.poke(path, bytes)
    const { problems } = await engine.verify()
    expect(problems).toMatchObject([
      { file: path, offset: 16, message: expect.stringContaining('the summary of a chunk is wrong about sum') },
    ])
    await engine.close()
  })
})

describe('verifying an open store', () => {
  it('finds nothing while it is written, flushed and merged', async () => {
    const host = memoryHost()
    const engine = await Engine.open(host, { ...OPTIONS, logFileBytes: 2_000 })
    let isDone = false
    const writing = (async () => {
      for (let round = 0; round < 40; round++) {
        await engine.append(batchOf(Array.from({ length: 30 }, (_, i) => ({ series: i % 8, time: round * 50 + i, value: i }))))
        if (round % 3 === 0) await engine.flush()
        if (round % 7 === 0) await engine.compact()
      }
      isDone = true
    })()
    let reads = 0
    while (!isDone) {
      expect((await engine.verify()).problems).toEqual([])
      reads++
    }
    await writing
    expect(reads).toBeGreaterThan(2)
    await engine.close()
  })

  it('finds damage of the log and of the catalog that came after opening', async () => {
    const host = await store()
    const engine = await Engine.open(host, OPTIONS)
    const [log] = (await filesOf(host)).filter((path) => path.startsWith('log/'))
    for (const path of [log!, 'catalog', 'catalog.copy']) {
      const bytes = host.disk.peek(path)
      bytes[60]! ^= 4
      host.disk.poke(path, bytes)
    }
    expect((await engine.verify()).problems.map(({ file }) => file).sort()).toEqual(['catalog', 'catalog.copy', log])
    await engine.close()
  })
})
