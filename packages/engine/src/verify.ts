/**
 * Verify: reads every byte that the store has on the disk and checks every invariant that can be checked without knowing what was written. What is
 * found is a report; with `quarantine` damaged segments are set aside.
 */
import { corruption, SampleBuffer, TsinkError } from '@tsink/core'
import { decodeChunk } from '@tsink/codecs'
import type { Segment } from '@tsink/segment'
import { inUnits } from './options.ts'
import { assertOpen, type Parts } from './parts.ts'
import { Slices } from './slices.ts'
import { View } from './view.ts'
import { levelOf, LEVEL_PARTITIONS } from './windows.ts'

export interface VerifyReport {
  readonly segments: number
  readonly chunks: number
  readonly samples: number
  readonly sizeBytes: number
  readonly problems: readonly VerifyProblem[]
}

export interface VerifyProblem {
  readonly file: string
  readonly message: string
}

export async function verify(parts: Parts, options: { readonly quarantine?: boolean } = {}): Promise<VerifyReport> {
  assertOpen(parts)
  const problems: VerifyProblem[] = []
  let chunks = 0
  let samples = 0
  let sizeBytes = 0
  const view = new View(parts)
  try {
    for (const segment of view.segments) {
      const { info } = segment
      try {
        await verifySegment(parts, segment)
        chunks += info.chunks
        samples += info.samples
        sizeBytes += info.sizeBytes
      } catch (error) {
        if (!(error instanceof TsinkError) || (error.kind !== 'corrupt' && error.kind !== 'io')) throw error
        problems.push({ file: info.path, message: error.message })
        if (options.quarantine === true && error.kind === 'corrupt') await parts.shelf.quarantine(segment, error)
      }
    }
    problems.push(...catalogProblems(parts, view))
    return { segments: view.segments.length, chunks, samples, sizeBytes, problems }
  } finally {
    view.release()
  }
}

/** The file's own checks, then that every chunk decodes to ascending times and as many samples as it says. */
async function verifySegment(parts: Parts, segment: Segment): Promise<void> {
  await segment.verify()
  const index = await segment.loadIndex()
  const slices = new Slices(parts.host.clock)
  const buffer = new SampleBuffer()
  const file = segment.info.path
  for (let chunk = 0; chunk < index.chunkCount.length; chunk++) {
    buffer.clear()
    buffer.base = segment.info.base
    decodeChunk(segment.readChunk(index, chunk), buffer, -Infinity, Infinity)
    if (buffer.count !== index.chunkCount[chunk]) {
      throw corruption('BAD_FORMAT', 'a chunk has another number of samples than it says', {
        file,
        chunk,
        expected: index.chunkCount[chunk]!,
        found: buffer.count,
      })
    }
    for (let i = 1; i < buffer.count; i++) {
      if (buffer.timestamps[i]! > buffer.timestamps[i - 1]!) continue
      throw corruption('BAD_FORMAT', 'the times of a chunk do not ascend', { file, chunk, sample: i })
    }
    if (slices.due) await slices.pause()
  }
}

/** What does not agree between segments: ids given twice, levels whose windows are too small, samples of one write in two places. */
function catalogProblems(parts: Parts, view: View): VerifyProblem[] {
  const problems: VerifyProblem[] = []
  const partition = inUnits(parts.options.partitionMs, parts.options.unit)
  const ids = new Set<number>()
  for (const { info } of view.segments) {
    const file = info.path
    if (ids.has(info.id)) problems.push({ file, message: `segment id ${info.id} is given twice` })
    ids.add(info.id)
    if (info.minSequence > info.maxSequence)
      problems.push({ file, message: `sequences ${info.minSequence} to ${info.maxSequence} are reversed` })
    if (info.maxSequence > parts.sequence) problems.push({ file, message: `sequence ${info.maxSequence} was never given` })
    const level = levelOf(info.minTime, info.maxTime, partition)
    if (level > info.level && info.level < LEVEL_PARTITIONS.length - 1) {
      problems.push({ file, message: `its times need a window of level ${level}, but its level is ${info.level}` })
    }
  }
  return problems
}
