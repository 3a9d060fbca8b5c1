/**
 * The log on a real disk: appends, group commit and replay. Run with `node --conditions=@tsink/source packages/wal/test/log.bench.ts [directory]`; log.bench.test.ts
 * runs it at toy size.
 */
import { nodeHost } from '@tsink/host/node'
import { Log } from '@tsink/wal'
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface LogFigures {
  /** One record, by payload bytes: microseconds. */
  readonly appendMicros: ReadonlyMap<number, number>
  /** Records that 1, 8 and 64 writers commit in a second, each waiting for its own sync. */
  readonly commitsPerSecond: ReadonlyMap<number, number>
  readonly replayMegabytesPerSecond: number
  readonly readMegabytesPerSecond: number
  readonly records: number
}

/** Measures in a new directory under `parent`. `scale` 1 is the full size. */
export async function measureLog(parent: string, scale: number): Promise<LogFigures> {
  const directory = mkdtempSync(join(parent, 'tsink-log-bench-'))
  try {
    const host = nodeHost(directory)
    const appendMicros = new Map<number, number>()
    let records = 0
    const { log } = await Log.open(host.disk, 'log', { clock: host.clock, sync: 'os' }, () => undefined)
    for (const payloadBytes of [100, 1_000, 16_000, 256_000]) {
      const payload = new Uint8Array(payloadBytes).map((_, i) => i * 7)
      const count = Math.max(4, Math.floor((scale * 60_000_000) / (payloadBytes + 2_000)))
      const start = performance.now()
      for (let i = 0; i < count; i++) log.append(1, ++records, payload)
      appendMicros.set(payloadBytes, ((performance.now() - start) * 1_000) / count)
      await host.clock.turn()
    }
    await log.close()

    let replayed = 0
    let bytes = 0
    const start = performance.now()
    const reopened = await Log.open(host.disk, 'log', { clock: host.clock, sync: 'every' }, ({ sequence, payload }) => {
      if (sequence !== ++replayed) throw new Error(`record ${sequence} where ${replayed} should be`)
      bytes += payload.length
    })
    const replaySeconds = (performance.now() - start) / 1_000
    if (replayed !== records) throw new Error(`${replayed} of ${records} records came back`)
    const readStart = performance.now()
    const file = join(directory, 'log/000000000001.log')
    let read = 0
    for await (const piece of createReadStream(file, { highWaterMark: 1_048_576 })) read += (piece as Uint8Array).length
    if (read !== statSync(file).size) throw new Error('the file was not read whole')
    const readSeconds = (performance.now() - readStart) / 1_000

    const commitsPerSecond = new Map<number, number>()
    const payload = new Uint8Array(1_000)
    for (const writers of [1, 8, 64]) {
      const each = Math.max(2, Math.floor(scale * 300))
      const commitStart = performance.now()
      await Promise.all(
        Array.from({ length: writers }, async () => {
          for (let i = 0; i < each; i++) {
            reopened.log.append(1, ++records, payload)
            await reopened.log.commit()
          }
        }),
      )
      commitsPerSecond.set(writers, (writers * each * 1_000) / (performance.now() - commitStart))
    }
    await reopened.log.close()
    return {
      appendMicros,
      commitsPerSecond,
      replayMegabytesPerSecond: bytes / 1e6 / replaySeconds,
      readMegabytesPerSecond: read / 1e6 / readSeconds,
      records,
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

if (import.meta.main) {
  const figures = await measureLog(process.argv[2] ?? tmpdir(), 1)
  for (const [payloadBytes, micros] of figures.appendMicros) {
    console.log(
      `append ${String(payloadBytes).padStart(7)} bytes: ${micros.toFixed(1).padStart(6)} µs, ${(payloadBytes / micros).toFixed(0)} MB/s`,
    )
  }
  for (const [writers, rate] of figures.commitsPerSecond)
    console.log(`commit, ${String(writers).padStart(2)} writers: ${rate.toFixed(0)} records/s`)
  console.log(
    `replay ${figures.replayMegabytesPerSecond.toFixed(0)} MB/s (reading the file alone ${figures.readMegabytesPerSecond.toFixed(0)} MB/s), ${figures.records} records`,
  )
}
