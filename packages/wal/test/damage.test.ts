import { TsinkError } from '@tsink/core'
import { memoryHost, type MemoryHost } from '@tsink/host/memory'
import { checkLog, Log, START, type LogOptions, type ReplayProgress, type ReplayReport } from '@tsink/wal'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { payloadOf } from './crash.ts'

const OPTIONS: Omit<LogOptions, 'clock'> = { fileBytes: 500, reserveBytes: 0 }

interface Opened {
  readonly sequences: number[]
  readonly report: ReplayReport
}

async function open(host: MemoryHost, options: Partial<LogOptions> = {}): Promise<Opened> {
  const sequences: number[] = []
  const { log, report } = await Log.open(host.disk, 'log', { ...OPTIONS, clock: host.clock, ...options }, ({ sequence, payload }) => {
    expect([...payload]).toEqual([...payloadOf(sequence)])
    sequences.push(sequence)
  })
  await log.close()
  return { sequences, report }
}

/** A closed log of some files, and their bytes. */
async function writeLog(records: number, options: Partial<LogOptions> = {}): Promise<{ host: MemoryHost; files: Map<string, Uint8Array> }> {
  const host = memoryHost()
  const { log } = await Log.open(host.disk, 'log', { ...OPTIONS, clock: host.clock, ...options }, () => undefined)
  for (let sequence = 1; sequence <= records; sequence++) {
    log.append(1, sequence, payloadOf(sequence))
    if (sequence % 3 === 0) await log.commit()
  }
  await log.close()
  const files = new Map<string, Uint8Array>()
  for (const { name } of await host.disk.list('log')) files.set(name, host.disk.peek(`log/${name}`))
  return { host, files }
}

/** Puts the log back as it was written, with one file changed. */
async function restore(host: MemoryHost, files: Map<string, Uint8Array>, name?: string, bytes?: Uint8Array): Promise<void> {
  await host.disk.remove('log')
  await host.disk.makeDirectory('log')
  for (const [file, content] of files) host.disk.poke(`log/${file}`, file === name ? bytes! : content)
}

async function failureOf(run: () => Promise<unknown>): Promise<TsinkError> {
  try {
    await run()
  } catch (error) {
    if (error instanceof TsinkError) return error
    throw error
  }
  throw new Error('expected that it fails')
}

const ALL = Array.from({ length: 16 }, (_, i) => i + 1)

describe('one changed byte in a log that was closed in good order', () => {
  test('stops a strict replay, with file, offset, expected and found', async () => {
    const { host, files } = await writeLog(ALL.length)
    expect(files.size).toBeGreaterThan(2)
    let checked = 0
    for (const [name, bytes] of files) {
      for (let at = 0; at < bytes.length; at++) {
        const damaged = bytes.slice()
        damaged[at]! ^= 1 << (at % 8)
        await restore(host, files, name, damaged)
        let opened: Opened | null = null
        let error: TsinkError | null = null
        try {
          opened = await open(host)
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(TsinkError)
          error = thrown as TsinkError
        }
        if (error === null) {
          // Only the last mark, which nothing stands behind, may go with the tail: no record does.
          expect(opened!.sequences, `${name} byte ${at}`).toEqual(ALL)
          expect(opened!.report.tail, `${name} byte ${at}`).not.toBeNull()
          continue
        }
        checked++
        expect(error.kind, `${name} byte ${at}`).toBe('corrupt')
        expect(error.detail['file']).toBe(`log/${name}`)
        expect(error.detail['offset']).toBeLessThanOrEqual(at)
        expect(error.detail).toHaveProperty('expected')
        expect(error.detail).toHaveProperty('found')
      }
    }
    expect(checked).toBeGreaterThan(1_000)
  })

  test('costs a salvaging replay the records that it is in and no others, and the bytes are kept aside', async () => {
    const { host, files } = await writeLog(ALL.length)
    for (const [name, bytes] of files) {
      for (let at = 0; at < bytes.length; at += 3) {
        const damaged = bytes.slice()
        damaged[at]! ^= 0x40
        await restore(host, files, name, damaged)
        if (at >= 8 && at < 12) continue
        const { sequences, report } = await open(host, { replay: 'salvage' })
        const lost = ALL.filter((sequence) => !sequences.includes(sequence))
        expect(lost.length, `${name} byte ${at}`).toBeLessThanOrEqual(1)
        expect(sequences).toEqual(ALL.filter((sequence) => !lost.includes(sequence)))
        if (lost.length === 0) continue
        expect(report.damage).toHaveLength(1)
        const damage = report.damage[0]!
        expect(damage.file).toBe(`log/${name}`)
        expect(damage.offset).toBeLessThanOrEqual(at)
        expect(damage.offset + damage.sizeBytes).toBeGreaterThan(at)
        expect(host.disk.peek(damage.quarantine!)).toEqual(damaged.subarray(damage.offset, damage.offset + damage.sizeBytes))
      }
    }
  })
})

describe('other damage', () => {
  test('a log that ends early, though its records were durable, is told from a torn tail', async () => {
    const { host, files } = await writeLog(ALL.length)
    const [first, bytes] = [...files][0]!
    for (let size = 0; size < bytes.length; size += 5) {
      await restore(host, files, first, bytes.subarray(0, size))
      const error = await failureOf(() => open(host))
      expect(error.kind, `cut at ${size}`).toBe('corrupt')
      expect(error.detail['file']).toBe(`log/${first}`)
      const { sequences, report } = await open(host, { replay: 'salvage' })
      expect(sequences.at(-1)).toBe(ALL.length)
      expect(report.damage.length).toBeGreaterThan(0)
    }
  })

  test('a missing file in the middle is damage; salvage goes on behind it', async () => {
    const { host, files } = await writeLog(ALL.length)
    const second = [...files.keys()][1]!
    await host.disk.remove(`log/${second}`)
    const error = await failureOf(() => open(host))
    expect(error).toMatchObject({ kind: 'corrupt', detail: { expected: 2, found: 3 } })
    const { sequences } = await open(host, { replay: 'salvage' })
    expect(sequences[0]).toBe(1)
    expect(sequences.at(-1)).toBe(ALL.length)
  })

  test('a torn last record is dropped and reported, the same on the second opening', async () => {
    const { host, files } = await writeLog(4, { sync: 'os', fileBytes: 100_000 })
    const [name, bytes] = [...files][0]!
    // The mark that closing wrote goes, and the last record is cut anywhere.
    const end = bytes.length - 48
    for (let size = end - 1; size > end - 20; size--) {
      await restore(host, files, name, bytes.subarray(0, size))
      const { sequences, report } = await open(host)
      expect(sequences).toEqual([1, 2, 3])
      expect(report.tail).toMatchObject({ file: `log/${name}` })
      expect(report.tail!.offset + report.tail!.sizeBytes).toBe(size)
      const again = await open(host)
      expect(again.sequences).toEqual([1, 2, 3])
      expect(again.report.tail).toBeNull()
    }
  })

  test('a torn header of the file in which replay begins does not stand in the way of later openings', async () => {
    const host = memoryHost()
    const { log } = await Log.open(host.disk, 'log', { ...OPTIONS, clock: host.clock }, () => undefined)
    log.append(1, 1, payloadOf(1))
    const from = await log.rotate()
    expect(from.file).toBe(2)
    host.disk.crash('kept')
    const header = host.disk.peek('log/000000000002.log')
    host.disk.poke('log/000000000002.log', header.subarray(0, 10))
    const { sequences, report } = await open(host, { from })
    expect(sequences).toEqual([])
    expect(report.tail).toMatchObject({ offset: 0, sizeBytes: 10 })
    expect(host.disk.peek('log/000000000002.log')).toEqual(header)
    const again = await Log.open(host.disk, 'log', { ...OPTIONS, clock: host.clock, from }, () => undefined)
    again.log.append(1, 2, payloadOf(2))
    await again.log.close()
    expect((await open(host, { from })).sequences).toEqual([2])
  })

  test('a log of a newer format is refused, in salvage too', async () => {
    const { host, files } = await writeLog(3)
    const [name, bytes] = [...files][0]!
    const newer = bytes.slice()
    const view = new DataView(newer.buffer)
    view.setUint32(8, 2, true)
    const { crc32c } = await import('@tsink/kernel')
    view.setUint32(28, crc32c(newer.subarray(0, 28)), true)
    for (const replay of ['strict', 'salvage'] as const) {
      await restore(host, files, name, newer)
      expect(await failureOf(() => open(host, { replay }))).toMatchObject({ code: 'UNKNOWN_VERSION', detail: { expected: 1, found: 2 } })
      expect(host.disk.peek(`log/${name}`)).toEqual(newer)
    }
  })

  test('a value that holds the bytes of a log is not taken for records', async () => {
    const { files } = await writeLog(6, { fileBytes: 100_000 })
    const inner = [...files.values()][0]!
    const host = memoryHost()
    const { log } = await Log.open(host.disk, 'log', { clock: host.clock, reserveBytes: 0 }, () => undefined)
    log.append(1, 1, inner)
    log.append(1, 2, payloadOf(2))
    await log.close()
    const name = 'log/000000000001.log'
    const damaged = host.disk.peek(name)
    // The header of the record with the value: what follows looks like a whole log, at another place.
    damaged[84]! ^= 1
    host.disk.poke(name, damaged)
    const sequences: number[] = []
    const onRecord = ({ sequence }: { sequence: number }): void => void sequences.push(sequence)
    await Log.open(host.disk, 'log', { clock: host.clock, reserveBytes: 0, replay: 'salvage' }, onRecord)
    expect(sequences).toEqual([2])
  })

  test('any bytes at all end in an answer: records that verify, or an error of kind corrupt', async () => {
    const { host, files } = await writeLog(ALL.length)
    const names = [...files.keys()]
    await fc.assert(
      fc.asyncProperty(
        fc.nat(names.length - 1),
        fc.array(fc.tuple(fc.nat(600), fc.uint8Array({ minLength: 1, maxLength: 40 })), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (file, patches, salvage) => {
          const name = names[file]!
          const bytes = files.get(name)!.slice()
          for (const [at, patch] of patches) bytes.set(patch.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length))
          await restore(host, files, name, bytes)
          try {
            const { sequences } = await open(host, { replay: salvage ? 'salvage' : 'strict' })
            expect(sequences).toEqual(ALL.filter((sequence) => sequences.includes(sequence)))
          } catch (error) {
            expect(error).toMatchObject({ kind: 'corrupt' })
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('a check', () => {
  test('finds what a strict replay stops at, goes on behind it, and changes nothing', async () => {
    const { host, files } = await writeLog(ALL.length)
    for (const [name, bytes] of files) {
      for (let at = 0; at < bytes.length; at += 5) {
        const damaged = bytes.slice()
        damaged[at]! ^= 1 << (at % 8)
        await restore(host, files, name, damaged)
        const sequences: number[] = []
        const report = await checkLog(host.disk, host.clock, 'log', START, ({ sequence }) => sequences.push(sequence))
        for (const file of files.keys()) expect(host.disk.peek(`log/${file}`)).toEqual(file === name ? damaged : files.get(file))
        const strict = await open(host).then(
          () => null,
          (error: TsinkError) => error.message,
        )
        expect(report.damage[0]?.reason ?? null).toBe(strict)
        // One record at most is lost to one byte.
        expect(sequences.length).toBeGreaterThanOrEqual(ALL.length - 1)
        expect(report.damage.length + (report.tail === null ? 0 : 1)).toBe(1)
      }
    }
  })
})

describe('replay', () => {
  test('reports its progress up to the end', async () => {
    const { host } = await writeLog(ALL.length)
    const steps: ReplayProgress[] = []
    await open(host, { onProgress: (step) => steps.push(step) })
    expect(steps.length).toBeGreaterThan(1)
    expect(steps.at(-1)).toMatchObject({ records: ALL.length, bytesDone: steps[0]!.bytesTotal })
  })

  test('passes on what the caller throws, and leaves the log as it was', async () => {
    const { host, files } = await writeLog(5)
    const refuse = (): void => {
      throw new TsinkError('BAD_FORMAT', 'not mine')
    }
    const error = await failureOf(() => Log.open(host.disk, 'log', { ...OPTIONS, clock: host.clock }, refuse))
    expect(error.message).toBe('not mine')
    for (const [name, bytes] of files) expect(host.disk.peek(`log/${name}`)).toEqual(bytes)
  })

  test('gives back any payloads in any grouping of commits, rotations and reopenings', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant('append' as const),
          payload: fc.uint8Array({ maxLength: 300 }),
          type: fc.integer({ min: 1, max: 255 }),
        }),
      },
      fc.record({ do: fc.constantFrom('commit' as const, 'rotate' as const, 'reopen' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 100, max: 2_000 }), async (steps, fileBytes) => {
        const host = memoryHost()
        const wanted: string[] = []
        const options = { clock: host.clock, reserveBytes: 0, fileBytes }
        const reopen = async (): Promise<Log> => {
          const found: string[] = []
          const { log } = await Log.open(host.disk, 'log', options, ({ type, sequence, payload }) =>
            found.push(`${type} ${sequence} ${payload.toHex()}`),
          )
          expect(found).toEqual(wanted)
          return log
        }
        let log = await reopen()
        for (const one of steps) {
          if (one.do === 'append') {
            wanted.push(`${one.type} ${wanted.length + 1} ${one.payload.toHex()}`)
            log.append(one.type, wanted.length, one.payload)
          } else if (one.do === 'commit') await log.commit()
          else if (one.do === 'rotate') await log.rotate()
          else {
            await log.close()
            log = await reopen()
          }
        }
        await log.close()
        await (await reopen()).close()
      }),
      { numRuns: 60 },
    )
  })
})
