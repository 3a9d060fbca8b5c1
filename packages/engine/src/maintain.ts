/** Maintain: flush and compaction on demand. What runs by itself does the same (see Background). */
import { compactOnce } from './compact.ts'
import { freeze } from './flush.ts'
import { assertWritable, type Parts } from './parts.ts'

export async function flush(parts: Parts): Promise<void> {
  assertWritable(parts)
  const { background, heads, log } = parts
  // In a new file the log leaves nothing behind when it is cut. Where the disk has no room for one, the flush is all the more needed.
  if (log !== null && heads.active.samples > 0) await log.rotate().catch(() => undefined)
  freeze(parts)
  const last = heads.frozen.at(-1)
  // A flush that is under way may have passed the end of the list already.
  while (last !== undefined && heads.frozen.includes(last)) await background.flush(parts)
}

export async function compact(parts: Parts): Promise<void> {
  assertWritable(parts)
  await parts.background.exclusively(async () => {
    while (await compactOnce(parts)) assertWritable(parts)
  })
}
