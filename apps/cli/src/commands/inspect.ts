/**
 * `tsink inspect`: what a segment file or a log folder holds, for people who look into files. Reads only; a folder that a server has open
 * may be looked into as well.
 */
import { basename, dirname } from 'node:path'
import { TsinkError } from '@tsink/core'
import { nodeHost } from '@tsink/host/node'

export interface InspectSegment {
  /** How many series are listed. */
  readonly series: string
  readonly match?: string
}

export async function inspectSegment(file: string, options: InspectSegment): Promise<void> {
  const [{ Segment }, { parseSelector }] = await Promise.all([import('@tsink/segment'), import('@tsink/promql')])
  const segment = await Segment.open(nodeHost(dirname(file)), basename(file))
  try {
    const { info } = segment
    for (const [name, value] of Object.entries(info)) process.stdout.write(`${name.padEnd(12)} ${printField(name, value, info.base)}\n`)
    const index = await segment.loadIndex()
    const chosen = index.select(options.match === undefined ? [] : parseSelector(options.match))
    const limit = Number(options.series)
    if (!(limit > 0)) return
    process.stdout.write(`\n${chosen.length} of ${info.series} series${chosen.length > limit ? `, the first ${limit}` : ''}:\n`)
    const { chunkFrom, chunkCount, chunkLength } = index
    for (const series of chosen.subarray(0, limit)) {
      const [from, to] = [chunkFrom[series]!, chunkFrom[series + 1]!]
      let [samples, bytes] = [0, 0]
      for (let i = from; i < to; i++) {
        samples += chunkCount[i]!
        bytes += chunkLength[i]!
      }
      process.stdout.write(`${index.labels(series).toString()}  ${to - from} chunks, ${samples} samples, ${bytes} bytes\n`)
    }
  } finally {
    await segment.close()
  }
}

/** What the records of a log file are, by the numbers that the engine and the log itself give them. */
const RECORD_TYPES = ['mark', 'batch', 'delete', 'undelete'] as const

export async function inspectLog(path: string): Promise<void> {
  const { FILE_HEADER_BYTES, Scanner } = await import('@tsink/wal')
  const file = await nodeHost(dirname(path)).disk.open(basename(path), 'read')
  try {
    const scanner = new Scanner(file, Number.parseInt(basename(path), 10))
    const fault = scanner.header()
    if (fault !== null)
      throw new TsinkError(fault.code, `${path}: ${fault.what}`, { detail: { expected: fault.expected, found: fault.found } })
    process.stdout.write('offset      type      sequence    payload bytes\n')
    for (let offset = FILE_HEADER_BYTES; offset < scanner.sizeBytes; offset = scanner.end) {
      const damage = scanner.at(offset)
      if (damage !== null) {
        // A file that is still written to, or was cut off by a crash, ends in zeros or in half a record.
        process.stdout.write(`${String(offset).padEnd(12)}the records end here: ${damage.what}\n`)
        return
      }
      const type = RECORD_TYPES[scanner.type] ?? `type ${scanner.type}`
      process.stdout.write(
        `${String(offset).padEnd(12)}${type.padEnd(10)}${String(scanner.sequence).padEnd(12)}${scanner.payload.length}\n`,
      )
    }
  } finally {
    await file.close()
  }
}

function printField(name: string, value: string | number, base: number): string {
  const isTime = name === 'minTime' || name === 'maxTime' || name === 'createdAt'
  if (!isTime) return String(value)
  const ms = Number(value) + (name === 'createdAt' ? 0 : base)
  return Math.abs(ms) < 8.64e15 ? `${value} (${new Date(ms).toISOString()})` : String(value)
}
