/**
 * Snapshot: a directory that is a store of its own, with everything that was appended before the call. Segments never change, so they are linked,
 * not copied. It is made aside and gets its name in one step: a snapshot is whole or not there. To restore one, open it, or a copy of it.
 */
import { TsinkError } from '@tsink/core'
import { Catalog, Segment } from '@tsink/segment'
import { attachmentsOf } from './attachments.ts'
import { removeOldNotes } from './flush.ts'
import { flush } from './maintain.ts'
import { assertWritable, type Parts } from './parts.ts'
import { SEGMENT_DIRECTORY } from './shelf.ts'
import { View } from './view.ts'

export interface SnapshotResult {
  /** Relative to the disk's root. */
  readonly path: string
  readonly segments: number
  readonly samples: number
  readonly sizeBytes: number
}

/** @throws TsinkError BAD_REQUEST when there is something at `path`; of kind `corrupt` when a segment does not verify. */
export async function snapshot(parts: Parts, path: string): Promise<SnapshotResult> {
  assertWritable(parts)
  await assertFree(parts, path)
  await flush(parts)
  // Deletes and notes that came without samples are in the log alone, and the snapshot has none.
  await parts.notes.save(parts.host)
  await parts.shelf.publish({})
  removeOldNotes(parts)
  const { disk } = parts.host
  const aside = `${path}.making`
  await disk.remove(aside)
  // The view keeps the files from being removed while they are linked.
  const view = new View(parts)
  try {
    // Nothing waits between these two: segments and catalog belong together.
    const { segments } = view
    const { state } = parts.shelf
    const listed = state.segments.filter(({ id }) => segments.some((segment) => segment.info.id === id))
    await disk.makeDirectory(`${aside}/${SEGMENT_DIRECTORY}`)
    for (const info of listed) await disk.link(info.path, `${aside}/${info.path}`)
    const { notes: notesFile } = attachmentsOf(state)
    if (notesFile !== '') {
      await disk.makeDirectory(`${aside}/${parentOf(notesFile)}`)
      await disk.link(notesFile, `${aside}/${notesFile}`)
      await disk.syncDirectory(`${aside}/${parentOf(notesFile)}`)
    }
    await disk.syncDirectory(`${aside}/${SEGMENT_DIRECTORY}`)
    const catalog = await Catalog.open(disk, aside)
    await catalog.publish({ ...state, segments: listed, logCut: { file: 0, offset: 0 } })
    for (const info of listed) {
      const linked = await Segment.open(parts.host, `${aside}/${info.path}`)
      try {
        await linked.verify()
      } finally {
        await linked.close()
      }
    }
    await disk.rename(aside, path)
    await disk.syncDirectory(parentOf(path))
    return {
      path,
      segments: listed.length,
      samples: listed.reduce((sum, info) => sum + info.samples, 0),
      sizeBytes: listed.reduce((sum, info) => sum + info.sizeBytes, 0),
    }
  } catch (error) {
    await disk.remove(aside).catch(() => undefined)
    throw error
  } finally {
    view.release()
  }
}

async function assertFree(parts: Parts, path: string): Promise<void> {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const parent = parentOf(path)
  if (name === '') throw new TsinkError('BAD_REQUEST', 'a snapshot needs a name')
  await parts.host.disk.makeDirectory(parent)
  const taken = (await parts.host.disk.list(parent)).some((entry) => entry.name === name)
  if (taken) throw new TsinkError('BAD_REQUEST', `there is something at ${path} already`, { detail: { path } })
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}
