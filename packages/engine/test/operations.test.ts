/** What each operation promises, case by case. */
import { describe, expect, it } from 'vitest'
import { BatchBuilder, Labels, Matcher, SampleBuffer, TsinkError, type Timestamp } from '@tsink/core'
import { memoryHost } from '@tsink/host/memory'
import { Engine, type EngineOptions } from '@tsink/engine'
import { selectAll } from '@tsink/testing'
import { within } from './within.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOW = 1_750_000_000_000
const OPTIONS: EngineOptions = { background: false, undoMs: 1_000 }
const cpu = (n: number, env = 'prod'): Labels => Labels.of({ __name__: 'cpu', n: String(n), env })
const CPU = [Matcher.metric('cpu')]

async function write(engine: Engine, ...rows: readonly (readonly [labels: Labels, time: number, value: number])[]): Promise<void> {
  const builder = new BatchBuilder()
  for (const [labels, time, value] of rows) builder.float(builder.slot(labels), time, value)
  const result = await engine.append(builder.build())
  expect(result.rejections).toEqual([])
}

async function times(engine: Engine, matchers = CPU): Promise<Record<string, number[]>> {
  const all = await selectAll(engine, { matchers, minTime: -1e15, maxTime: 1e15 })
  return Object.fromEntries(Object.entries(all).map(([labels, samples]) => [labels, samples.map(([time]) => time)]))
}

async function failure(work: Promise<unknown>): Promise<TsinkError> {
  const error = await work.then(
    () => null,
    (cause: unknown) => cause,
  )
  expect(error).toBeInstanceOf(TsinkError)
  return error as TsinkError
}

describe('appending', () => {
  it('rejects what is too old, too far ahead, of another kind, or one series too many, and takes the rest', async () => {
    const engine = await Engine.open(memoryHost({ startMs: NOW }), { ...OPTIONS, retentionMs: DAY, maxFutureMs: HOUR, maxSeries: 2 })
    const builder = new BatchBuilder()
    const a = builder.slot(cpu(1))
    builder.float(a, NOW, 1)
    builder.float(a, NOW - DAY - 1, 2)
    builder.float(a, NOW - DAY, 3)
    builder.float(a, NOW + HOUR, 4)
    builder.float(a, NOW + HOUR + 1, 5)
    builder.float(a, NaN, 6)
    builder.float(builder.slot(cpu(2)), NOW, 7)
    builder.float(builder.slot(cpu(3)), NOW, 8)
    builder.add('i64', a, NOW, 9n)
    builder.add('bool', builder.slot(cpu(2)), NOW, 1)
    const result = await engine.append(builder.build())
    expect(result.accepted).toBe(4)
    expect(result.rejections.map(({ index, reason }) => [index, reason])).toEqual([
      [1, 'too_old'],
      [4, 'too_far_in_future'],
      [5, 'bad_timestamp'],
      [7, 'series_limit'],
      [0, 'kind_mismatch'],
      [0, 'kind_mismatch'],
    ])
    expect(await times(engine)).toEqual({ 'cpu{env="prod", n="1"}': [NOW - DAY, NOW, NOW + HOUR], 'cpu{env="prod", n="2"}': [NOW] })
    await engine.close()
  })

  it('keeps start timestamps, also when a column is sealed in the middle of a batch', async () => {
    const host = memoryHost()
    const options = { ...OPTIONS, chunkSamples: 8 }
    let engine = await Engine.open(host, options)
    const builder = new BatchBuilder()
    for (let i = 0; i < 20; i++) builder.add('f64', builder.slot(cpu(1)), 1_000 + i * 10, i, i % 3 === 0 ? 0 : 500 + i)
    await engine.append(builder.build())
    const starts = async (): Promise<number[]> => {
      const buffer = new SampleBuffer()
      for await (const [series] of engine.select({ matchers: CPU, minTime: 0, maxTime: 1e12 })) series!.read(buffer)
      return [...buffer.startTimestamps!.subarray(0, buffer.count)]
    }
    const expected = Array.from({ length: 20 }, (_, i) => (i % 3 === 0 ? 0 : 500 + i))
    expect(await starts()).toEqual(expected)
    host.disk.crash('kept')
    engine = await Engine.open(host, options)
    expect(await starts()).toEqual(expected)
    await engine.flush()
    expect(await starts()).toEqual(expected)
    await engine.close()
  })

  it('gives the batch its series numbers back, and knows when one is not valid any more', async () => {
    const engine = await Engine.open(memoryHost(), OPTIONS)
    const builder = new BatchBuilder()
    builder.float(builder.slot(cpu(1)), 1_000, 1)
    const batch = builder.build()
    await engine.append(batch)
    const ref = batch.series.refs[0]!
    await engine.flush()
    // The series has left memory with the flush; its labels bring it back under a new number.
    await engine.append(batch)
    expect(batch.series.refs[0]).not.toBe(ref)
    expect(engine.stats().series).toBe(1)
    await engine.close()
  })

  it('waits for a flush when memory is short, and fails as limited when that does not help', async () => {
    const host = memoryHost()
    const engine = await Engine.open(host, { ...OPTIONS, memoryBytes: 2_000_000, flushBytes: 700_000, writeTimeoutMs: 1_000 })
    const fill = (from: number): BatchBuilder => {
      const builder = new BatchBuilder()
      for (let i = 0; i < 2_000; i++) builder.float(builder.slot(cpu(i)), from, i)
      return builder
    }
    // Without background work nothing flushes until an append needs the room.
    for (let round = 0; round < 20; round++) await engine.append(fill(round * 1_000).build())
    expect(engine.stats().counters.flushes).toBeGreaterThan(0)
    expect((await selectAll(engine, { matchers: [Matcher.equal('n', '7')] }))['cpu{env="prod", n="7"}']).toHaveLength(20)
    await engine.close()
    const tiny = await Engine.open(memoryHost(), { ...OPTIONS, memoryBytes: 200_000, writeTimeoutMs: 1 })
    const fillUp = async (): Promise<void> => {
      for (let round = 0; round < 10; round++) tiny.appendNow(fill(round).build())
    }
    expect((await failure(fillUp())).code).toBe('MEMORY_BUDGET')
    await tiny.close()
  })

  it('flushes when the log is full, and fails with LOG_FULL when it cannot', async () => {
    const host = memoryHost()
    const engine = await Engine.open(host, { ...OPTIONS, logFileBytes: 20_000, maxLogBytes: 100_000 })
    for (let round = 0; round < 200; round++) {
      await write(engine, ...Array.from({ length: 100 }, (_, i) => [cpu(i), round * 1_000, i] as const))
    }
    expect(engine.stats().counters.flushes).toBeGreaterThan(0)
    expect(engine.stats().log!.bytes).toBeLessThanOrEqual(100_000)
    expect((await times(engine))['cpu{env="prod", n="3"}']).toHaveLength(200)
    await engine.close()
  })
})

describe('opening and closing', () => {
  it('refuses a second opener, a wrong unit and nonsense options', async () => {
    const host = memoryHost()
    const engine = await Engine.open(host, OPTIONS)
    expect((await failure(Engine.open(host, OPTIONS))).code).toBe('LOCKED')
    await engine.close()
    expect((await failure(Engine.open(host, { ...OPTIONS, unit: 's' }))).message).toContain('in ms')
    expect((await failure(Engine.open(host, { ...OPTIONS, chunkSamples: 100_000 }))).code).toBe('BAD_CONFIG')
    expect((await failure(Engine.open(host, { ...OPTIONS, flushBytes: 0 }))).detail['option']).toBe('flushBytes')
    await (await Engine.open(host, OPTIONS)).close()
  })

  it('takes over what a log holds when it goes on without one, and back', async () => {
    const host = memoryHost()
    let engine = await Engine.open(host, { ...OPTIONS, retentionMs: Infinity })
    await write(engine, [cpu(1), 1_000, 1], [cpu(2), 1_000, 1])
    await engine.delete({ selectors: [[Matcher.equal('n', '2')]] })
    host.disk.crash('lost')
    for (const sync of ['none', 'none', 'every', 'none', 'every'] as const) {
      engine = await Engine.open(host, { ...OPTIONS, retentionMs: Infinity, sync })
      const known = (await times(engine))['cpu{env="prod", n="1"}']!
      await write(engine, [cpu(1), 1_000 * (known.length + 1), 1])
      expect(await times(engine)).toEqual({ 'cpu{env="prod", n="1"}': [...known, 1_000 * (known.length + 1)] })
      if (sync === 'none') {
        await engine.flush()
        expect(engine.stats().log).toBeNull()
      }
      host.disk.crash('lost')
    }
    engine = await Engine.open(host, { ...OPTIONS, retentionMs: Infinity })
    expect(await times(engine)).toEqual({ 'cpu{env="prod", n="1"}': [1, 2, 3, 4, 5, 6].map((each) => each * 1_000) })
    await engine.close()
  })

  it('keeps metadata and exemplars through flush, crash and reopening', async () => {
    const host = memoryHost()
    let engine = await Engine.open(host, OPTIONS)
    const builder = new BatchBuilder()
    const slot = builder.slot(cpu(1))
    builder.float(slot, 1_000, 1)
    builder.metadata({ metric: 'cpu', type: 'gauge', help: 'How busy', unit: 'ratio' })
    builder.exemplar({ slot, labels: Labels.of({ trace_id: 'a' }), timestamp: 1_000, value: 1 })
    await engine.append(builder.build())
    const check = async (exemplars: number): Promise<void> => {
      expect((await engine.metricMetadata({ metric: 'cpu' })).get('cpu')).toEqual([
        { metric: 'cpu', type: 'gauge', help: 'How busy', unit: 'ratio' },
      ])
      const found = await engine.exemplars({ selectors: [CPU], minTime: 0, maxTime: 9_000 })
      expect(found.flatMap((each) => each.exemplars)).toHaveLength(exemplars)
    }
    host.disk.crash('lost')
    engine = await Engine.open(host, OPTIONS)
    await check(1)
    await engine.flush()
    const more = new BatchBuilder()
    more.exemplar({ slot: more.slot(cpu(1)), labels: Labels.of({ trace_id: 'b' }), timestamp: 2_000, value: 2 })
    more.float(more.slot(cpu(1)), 2_000, 2)
    await engine.append(more.build())
    await check(2)
    host.disk.crash('lost')
    engine = await Engine.open(host, OPTIONS)
    await check(2)
    await engine.close()
    engine = await Engine.open(host, OPTIONS)
    await check(2)
    await engine.close()
  })

  it('stops at a damaged log, or skips the damage, keeps it aside and says what was lost', async () => {
    const host = memoryHost()
    let engine = await Engine.open(host, OPTIONS)
    await write(engine, [cpu(1), 1_000, 1], [cpu(2), 1_000, 1])
    await write(engine, [cpu(1), 2_000, 2], [cpu(3), 2_000, 2])
    await write(engine, [cpu(3), 3_000, 3])
    host.disk.crash('kept')
    const path = 'log/000000000001.log'
    const bytes = host.disk.peek(path)
    // The first record with a payload: it defines the series 1 and 2.
    const at = bytes.indexOf(0x70, 100)
    bytes[at]! ^= 1
    host.disk.poke(path, bytes)
    const error = await failure(Engine.open(host, OPTIONS))
    expect([error.kind, error.detail['file']]).toEqual(['corrupt', path])
    engine = await Engine.open(host, { ...OPTIONS, replay: 'salvage' })
    expect(engine.opened.log!.damage).toHaveLength(1)
    expect(engine.opened.lostSamples).toBe(1)
    expect(await times(engine)).toEqual({ 'cpu{env="prod", n="3"}': [2_000, 3_000] })
    expect(await host.disk.list('log/quarantine')).toHaveLength(1)
    await engine.close()
  })

  it('cuts generations anew in a replay without losing what defines their series', async () => {
    // Nearly every record begins a new log file.
    const options = { ...OPTIONS, logFileBytes: 40 }
    let met = 0
    for (let at = 1; at <= 25; at++) {
      const host = memoryHost()
      let engine = await Engine.open(host, options)
      await write(engine, [cpu(1), 1_000, 1])
      host.disk.failChange(at, 'EIO')
      await engine.flush().catch(() => undefined)
      host.disk.heal()
      const { head, readOnly } = engine.stats()
      if (head.frozen === 0 || readOnly !== null) continue
      met++
      // The delete hides nothing in the active generation, but in a replay, where both generations are one, it does.
      for (let time = 1_000; time < 1_006; time++) {
        await write(engine, [cpu(2), time, 2])
        for (let i = 0; i < 10; i++) await host.clock.turn()
      }
      await engine.delete({ selectors: [[Matcher.equal('n', '1')]] })
      await write(engine, [cpu(2), 2_000, 2])
      for (let round = 0; round < 3; round++) {
        host.disk.crash('kept')
        engine = await Engine.open(host, options)
        expect(await times(engine)).toEqual({ 'cpu{env="prod", n="2"}': [1_000, 1_001, 1_002, 1_003, 1_004, 1_005, 2_000] })
        if (round === 0) await engine.delete({ selectors: [[Matcher.equal('n', '7')]] })
        if (round === 2) break
        // Only what the replay has frozen is flushed; what came after the delete is in the log alone.
        host.disk.crash('kept')
        engine = await Engine.open(host, { ...options, background: true })
        for (let i = 0; i < 300; i++) await host.clock.turn()
        expect(engine.stats().head.frozen).toBe(0)
      }
      await engine.close()
    }
    expect(met).toBeGreaterThan(0)
  })

  it('writes the labels of a series into the log once, however many files there are', async () => {
    const host = memoryHost()
    const engine = await Engine.open(host, { ...OPTIONS, logFileBytes: 10_000 })
    const long = (n: number): Labels => cpu(n).with('path', 'x'.repeat(500))
    for (let round = 0; round < 10; round++) {
      await write(engine, ...Array.from({ length: 100 }, (_, n) => [long(n), round * 1_000, n] as const))
    }
    // The labels alone take 55 kB.
    expect(engine.stats().log!.bytes).toBeLessThan(100_000)
    host.disk.crash('kept')
    const again = await Engine.open(host, OPTIONS)
    expect(Object.values(await times(again)).map((list) => list.length)).toEqual(Array.from({ length: 100 }, () => 10))
    await again.close()
  })

  it('ends selections that outlive it with CLOSED', async () => {
    const engine = await Engine.open(memoryHost(), OPTIONS)
    await write(engine, [cpu(1), 1_000, 1])
    await engine.flush()
    for await (const [series] of engine.select({ matchers: CPU, minTime: 0, maxTime: 9_000 })) {
      await engine.close()
      expect(() => series!.read(new SampleBuffer())).toThrow('closed')
    }
    expect((await failure(engine.flush())).code).toBe('CLOSED')
  })

  it('becomes read-only when the disk is full and takes writes again when there is space', async () => {
    const host = memoryHost({ capacityBytes: 5_500_000 })
    const engine = await Engine.open(host, { ...OPTIONS, background: true, retentionMs: Infinity })
    let written = 0
    let refused: TsinkError | null = null
    for (let round = 0; round < 3_000 && refused === null; round++) {
      const builder = new BatchBuilder()
      for (let i = 0; i < 1_000; i++) builder.float(builder.slot(cpu(i)), 1_000 + round, Math.random())
      try {
        await engine.append(builder.build())
        written++
      } catch (error) {
        refused = error as TsinkError
      }
    }
    expect(refused?.code).toBe('DISK_FULL')
    expect((await failure(write(engine, [cpu(1), 1, 1]))).code).toBe('READ_ONLY')
    expect(engine.stats().readOnly).toContain('no writes')
    expect((await times(engine, [Matcher.equal('n', '5')]))['cpu{env="prod", n="5"}']).toHaveLength(written)
    host.disk.capacityBytes = 60_000_000
    host.clock.advance(2_000)
    for (let i = 0; i < 50; i++) await host.clock.turn()
    await write(engine, [cpu(5), 999, 1])
    expect((await times(engine, [Matcher.equal('n', '5')]))['cpu{env="prod", n="5"}']).toHaveLength(written + 1)
    await engine.close()
    const again = await Engine.open(host, OPTIONS)
    expect((await times(again, [Matcher.equal('n', '5')]))['cpu{env="prod", n="5"}']).toHaveLength(written + 1)
    await again.close()
  })
})

describe('segments', () => {
  it('merges what is over into larger windows and leaves other windows alone', async () => {
    const host = memoryHost({ startMs: NOW })
    const engine = await Engine.open(host, OPTIONS)
    const day = Math.floor(NOW / DAY) * DAY
    for (let hour = 0; hour < 32; hour += 2) {
      for (let minute = 0; minute < 120; minute += 5) await write(engine, [cpu(1), day + hour * HOUR + minute * 60_000, minute])
      await engine.flush()
    }
    expect(engine.stats().segments.length).toBe(16)
    await engine.compact()
    const { segments } = engine.stats()
    expect(segments.map(({ level, minTime, maxTime }) => [level, (maxTime - minTime) / HOUR > 23])).toContainEqual([2, true])
    expect(segments.length).toBeLessThanOrEqual(4)
    expect((await times(engine))['cpu{env="prod", n="1"}']).toHaveLength(16 * 24)
    const first = segments.find(({ minTime }) => minTime === day)!.path
    await write(engine, [cpu(1), day + 31 * HOUR + 3_000_000, 1])
    await engine.flush()
    await engine.compact()
    expect(engine.stats().segments.map(({ path }) => path)).toContain(first)
    await engine.close()
  })

  it('does not merge a pile around a wide segment that was written in between', async () => {
    const engine = await Engine.open(memoryHost(), OPTIONS)
    const flushed = async (...rows: Parameters<typeof write>[1][]): Promise<void> => {
      await write(engine, ...rows)
      await engine.flush()
    }
    await flushed([cpu(1), 1_000, 1])
    await flushed([cpu(1), 1_000, 2], [cpu(1), 3_000, 2])
    await flushed([cpu(1), 1_000, 3], [cpu(1), 20 * HOUR, 3])
    await flushed([cpu(1), 2_000, 4])
    await flushed([cpu(1), 2_000, 5])
    await engine.compact()
    const values = async (): Promise<number[]> =>
      (await selectAll(engine, { matchers: CPU }))['cpu{env="prod", n="1"}']!.map(([, value]) => value)
    expect(await values()).toEqual([3, 5, 2, 3])
    // Once the day is over all of them become one, in the order in which they were written.
    await flushed([cpu(1), 30 * HOUR, 6])
    await engine.compact()
    expect(await values()).toEqual([3, 5, 2, 3, 6])
    expect(engine.stats().segments).toHaveLength(2)
    await engine.close()
  })

  it('can be selected without waiting when the indexes are kept in memory', async () => {
    const host = memoryHost()
    const options: EngineOptions = { ...OPTIONS, preload: true }
    let engine = await Engine.open(host, options)
    const read = (): number[] => {
      const buffer = new SampleBuffer()
      for (const [series] of engine.selectNow({ matchers: CPU, minTime: 0, maxTime: 1e12 })) series!.read(buffer)
      return [...buffer.timestamps.subarray(0, buffer.count)]
    }
    for (let i = 0; i < 5; i++) {
      await write(engine, [cpu(1), i * 1_000, i])
      await engine.flush()
      expect(read()).toHaveLength(i + 1)
    }
    await engine.compact()
    expect(read()).toEqual([0, 1_000, 2_000, 3_000, 4_000])
    await engine.close()
    engine = await Engine.open(host, options)
    expect(read()).toHaveLength(5)
    await engine.close()
    engine = await Engine.open(host, OPTIONS)
    expect(read).toThrow('preload')
    await engine.close()
  })

  it('sets a damaged segment aside, says so, and serves the rest', async () => {
    const host = memoryHost()
    const errors: unknown[] = []
    let engine = await Engine.open(host, OPTIONS)
    await write(engine, [cpu(1), HOUR, 1])
    await engine.flush()
    await write(engine, [cpu(1), 30 * HOUR, 2])
    await engine.close()
    const [first] = (await host.disk.list('segments')).map(({ name }) => `segments/${name}`)
    const bytes = host.disk.peek(first!)
    bytes[bytes.length - 100]! ^= 1
    host.disk.poke(first!, bytes)
    engine = await Engine.open(host, { ...OPTIONS, onError: (error) => errors.push(error) })
    expect(await times(engine)).toEqual({ 'cpu{env="prod", n="1"}': [30 * HOUR] })
    expect(errors).toHaveLength(1)
    expect(engine.stats().quarantined[0]!.info.path).toBe(first)
    expect((await host.disk.list('quarantine')).length).toBe(1)
    await engine.close()
    engine = await Engine.open(host, OPTIONS)
    expect(await times(engine)).toEqual({ 'cpu{env="prod", n="1"}': [30 * HOUR] })
    await engine.close()
  })

  it('fails a read that meets a damaged chunk, then serves the rest; verify names every damage', async () => {
    const host = memoryHost()
    const engine = await Engine.open(host, OPTIONS)
    await write(engine, [cpu(1), HOUR, 1])
    await engine.flush()
    const { path } = engine.stats().segments[0]!
    expect((await engine.verify()).problems).toEqual([])
    const bytes = host.disk.peek(path)
    bytes[20]! ^= 1
    host.disk.poke(path, bytes)
    expect((await engine.verify()).problems.map(({ file }) => file)).toEqual([path])
    expect((await failure(times(engine))).kind).toBe('corrupt')
    for (let i = 0; i < 100; i++) await host.clock.turn()
    expect(await times(engine)).toEqual({})
    await engine.close()
  })

  it('keeps a selection whole while segments are merged and removed under it', async () => {
    const host = memoryHost()
    const engine = await Engine.open(host, { ...OPTIONS, retentionMs: Infinity })
    for (let i = 0; i < 6; i++) {
      await write(engine, [cpu(1), i * 10, i])
      await engine.flush()
    }
    const buffer = new SampleBuffer()
    for await (const [series] of engine.select({ matchers: CPU, minTime: 0, maxTime: 1_000 })) {
      await engine.compact()
      expect(engine.stats().segments).toHaveLength(1)
      series!.read(buffer)
      expect(buffer.count).toBe(6)
    }
    for (let i = 0; i < 20; i++) await host.clock.turn()
    expect(await host.disk.list('segments')).toHaveLength(1)
    await engine.close()
  })
})

describe('deletes', () => {
  it('says before what would go, hides at once, and frees the bytes when undoing is over', async () => {
    const host = memoryHost()
    const engine = await Engine.open(host, OPTIONS)
    for (let n = 0; n < 50; n++) await write(engine, ...Array.from({ length: 40 }, (_, i) => [cpu(n), i * 1_000, Math.random()] as const))
    await engine.flush()
    const before = engine.stats().segmentBytes
    const request = { selectors: [[Matcher.metric('cpu'), new Matcher('=~', 'n', '[0-3].')]] }
    const dry = await engine.delete({ ...request, dryRun: true })
    expect([dry.series, dry.samples, dry.sequence]).toEqual([30, 1_200, 0])
    const { sequence } = await engine.delete(request)
    expect(Object.keys(await times(engine))).toHaveLength(20)
    await engine.undelete(sequence)
    expect(Object.keys(await times(engine))).toHaveLength(50)
    const again = await engine.delete(request)
    await engine.compact()
    expect(engine.stats().segmentBytes).toBe(before)
    host.clock.advance(2_000)
    await engine.compact()
    expect(before - engine.stats().segmentBytes).toBeGreaterThan(again.bytes / 2)
    expect(engine.stats().tombstones).toBe(0)
    expect((await failure(engine.undelete(again.sequence))).code).toBe('BAD_REQUEST')
    expect(Object.keys(await times(engine))).toHaveLength(20)
    await engine.close()
  })

  it('refuses selectors that say nothing and ranges that end before they begin', async () => {
    const engine = await Engine.open(memoryHost(), OPTIONS)
    expect((await failure(engine.delete({ selectors: [] }))).code).toBe('BAD_REQUEST')
    expect((await failure(engine.delete({ selectors: [[]] }))).code).toBe('BAD_REQUEST')
    expect((await failure(engine.delete({ selectors: [CPU], minTime: 2, maxTime: 1 }))).code).toBe('BAD_RANGE')
    await engine.close()
  })
})

describe('retention', () => {
  it('lets whole segments go by age, series by rules, and the oldest by size; the preview says the same', async () => {
    const host = memoryHost({ startMs: NOW })
    const rule = { matchers: [Matcher.equal('env', 'dev')], retentionMs: 2 * DAY }
    let engine = await Engine.open(host, { ...OPTIONS, retentionMs: 10 * DAY, retentionRules: [rule] })
    for (let day = 9; day >= 0; day--) {
      await write(engine, [cpu(1, 'dev'), NOW - day * DAY, day], [cpu(2, 'prod'), NOW - day * DAY, day])
      await engine.flush()
    }
    const preview = await engine.previewRetention()
    expect(preview.map(({ reason, whole, samples }) => [reason, whole, samples])).toEqual(
      Array.from({ length: 7 }, () => ['rule', false, 1]),
    )
    expect(await engine.retain()).toEqual(preview)
    expect(Object.fromEntries(Object.entries(await times(engine)).map(([labels, all]) => [labels, all.length]))).toEqual({
      'cpu{env="dev", n="1"}': 3,
      'cpu{env="prod", n="2"}': 10,
    })
    expect(await engine.retain()).toEqual([])
    host.clock.advance(5 * DAY + 1)
    expect((await engine.previewRetention()).filter(({ whole }) => whole)).toHaveLength(5)
    await engine.retain()
    expect((await times(engine))['cpu{env="prod", n="2"}']).toHaveLength(5)
    await engine.close()
    engine = await Engine.open(host, { ...OPTIONS, retentionBytes: 1_000 })
    expect((await engine.retain()).every(({ reason }) => reason === 'size')).toBe(true)
    const left = engine.stats()
    expect(left.segmentBytes).toBeLessThanOrEqual(1_000)
    expect(left.maxTime).toBe(NOW)
    await engine.close()
  })
})

describe('snapshots', () => {
  it('have deletes, undone ones and metadata that came after the last flush', async () => {
    const host = memoryHost()
    const engine = await Engine.open(host, OPTIONS)
    await write(engine, [cpu(1), 1_000, 1], [cpu(2), 1_000, 1], [cpu(3), 1_000, 1])
    await engine.flush()
    await engine.delete({ selectors: [[Matcher.equal('n', '2')]] })
    const { sequence } = await engine.delete({ selectors: [[Matcher.equal('n', '3')]] })
    const builder = new BatchBuilder()
    builder.metadata({ metric: 'cpu', type: 'gauge', help: 'How busy', unit: '' })
    await engine.append(builder.build())
    await engine.undelete(sequence)
    await engine.snapshot('snapshots/one')
    const copy = await Engine.open(within(host, 'snapshots/one'), OPTIONS)
    expect(Object.keys(await times(copy))).toEqual(['cpu{env="prod", n="1"}', 'cpu{env="prod", n="3"}'])
    expect((await copy.metricMetadata({})).get('cpu')![0]!.help).toBe('How busy')
    expect((await copy.verify()).problems).toEqual([])
    await copy.close()
    await engine.close()
  })

  it('are stores of their own with everything that was appended before', async () => {
    const host = memoryHost()
    const engine = await Engine.open(host, OPTIONS)
    await write(engine, [cpu(1), 1_000, 1])
    await engine.flush()
    await write(engine, [cpu(1), 2_000, 2], [cpu(2), 2_000, 2])
    await engine.delete({ selectors: [[Matcher.equal('n', '2')]] })
    const taken = await engine.snapshot('snapshots/monday')
    expect(taken.samples).toBe(3)
    await write(engine, [cpu(1), 3_000, 3])
    expect((await failure(engine.snapshot('snapshots/monday'))).code).toBe('BAD_REQUEST')
    const restored = await Engine.open(within(host, 'snapshots/monday'), OPTIONS)
    expect(await times(restored)).toEqual({ 'cpu{env="prod", n="1"}': [1_000, 2_000] })
    await write(restored, [cpu(1), 4_000, 4])
    await restored.close()
    expect(await times(engine)).toEqual({ 'cpu{env="prod", n="1"}': [1_000, 2_000, 3_000] })
    await engine.close()
  })
})

describe('a store that goes on without its log', () => {
  it('keeps what was undone since', async () => {
    const host = memoryHost()
    let engine = await Engine.open(host, OPTIONS)
    await write(engine, [cpu(1), 1, 1])
    await engine.flush()
    const { sequence } = await engine.delete({ selectors: [CPU] })
    host.disk.crash('kept')
    engine = await Engine.open(host, { ...OPTIONS, sync: 'none' })
    expect(await times(engine)).toEqual({})
    await engine.undelete(sequence)
    await engine.close()
    for (const sync of ['none', 'every'] as const) {
      engine = await Engine.open(host, { ...OPTIONS, sync })
      expect(await times(engine)).toEqual({ [cpu(1).toString()]: [1] })
      await engine.close()
    }
  })
})

describe('nanoseconds', () => {
  it('are exact over spans, flushes and restarts', async () => {
    const host = memoryHost()
    const options: EngineOptions = { ...OPTIONS, unit: 'ns' }
    let engine = await Engine.open(host, options)
    const span = 2 ** 52
    const base = Math.floor(1.75e18 / span) * span
    const exact: bigint[] = []
    const series = new BatchBuilder()
    const slot = series.slot(cpu(1))
    const offsets = Float64Array.of(span - 3, span - 2, span + 1, 5, 2 * span + 7, 12_345)
    const batch = {
      series: series.series,
      samples: [
        {
          kind: 'f64' as const,
          count: offsets.length,
          slots: new Uint32Array(offsets.length).fill(slot),
          base,
          timestamps: offsets,
          values: Float64Array.from(offsets, (_, i) => i),
        },
      ],
    }
    expect((await engine.append(batch)).rejections).toEqual([])
    for (const offset of offsets) exact.push(BigInt(base) + BigInt(offset))
    exact.sort((a, b) => (a < b ? -1 : 1))
    const read = async (minTime: Timestamp, maxTime: Timestamp): Promise<bigint[]> => {
      const found: bigint[] = []
      const buffer = new SampleBuffer()
      for await (const page of engine.select({ matchers: CPU, minTime, maxTime })) {
        for (const each of page) {
          do {
            each.read(buffer)
            for (let i = 0; i < buffer.count; i++) found.push(BigInt(buffer.base) + BigInt(buffer.timestamps[i]!))
          } while (each.nextWindow?.() === true)
        }
      }
      return found
    }
    const everything = [-(2n ** 62n), 2n ** 62n] as const
    expect(await read(...everything)).toEqual(exact)
    expect(await read(exact[2]!, exact[3]!)).toEqual(exact.slice(2, 4))
    host.disk.crash('kept')
    engine = await Engine.open(host, options)
    expect(await read(...everything)).toEqual(exact)
    await engine.flush()
    expect(await read(...everything)).toEqual(exact)
    await engine.delete({ selectors: [CPU], minTime: exact[3]!, maxTime: exact[3]! })
    expect(await read(...everything)).toEqual(exact.filter((_, i) => i !== 3))
    await engine.close()
    engine = await Engine.open(host, options)
    await engine.compact()
    expect(await read(...everything)).toEqual(exact.filter((_, i) => i !== 3))
    await engine.close()
  })
})

describe('the background', () => {
  it('flushes by age, compacts and retains by itself', async () => {
    const host = memoryHost({ startMs: NOW })
    const engine = await Engine.open(host, { flushAgeMs: 60_000, retentionMs: DAY })
    const settle = async (): Promise<void> => {
      for (let i = 0; i < 200; i++) await host.clock.turn()
    }
    for (let round = 0; round < 6; round++) {
      await write(engine, [cpu(1), host.clock.now(), round])
      for (let second = 0; second < 62; second++) host.clock.advance(1_000)
      await settle()
    }
    const { segments, counters, head, series } = engine.stats()
    expect(counters.flushes).toBe(6)
    expect(counters.compactions).toBeGreaterThan(0)
    expect(segments.length).toBeLessThan(6)
    expect([head.samples, series]).toEqual([0, 0])
    for (let day = 0; day < 3; day++) {
      host.clock.advance(DAY)
      await settle()
    }
    for (let second = 0; second < 120; second++) host.clock.advance(1_000)
    await settle()
    expect(engine.stats().segments).toEqual([])
    await engine.close()
  })
})
