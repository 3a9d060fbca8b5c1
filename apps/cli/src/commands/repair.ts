/**
 * `tsink repair`: gives a data folder that has lost its catalog a new one. It says what it did; what is not part of the store any more lies in the
 * folder's quarantine.
 */
import { TsinkError, type TimeUnit } from '@tsink/core'
import { closedFolder } from '../open-folder.ts'

export interface Repair {
  readonly unit?: TimeUnit
  readonly loseDeletes: boolean
}

const DONE = {
  whole: 'the catalog is whole: nothing was done',
  copied: 'the copy took the place of the catalog: the store is as it was',
  rebuilt: 'a new catalog was made of the files that are there',
} as const

export async function repair(folder: string, options: Repair): Promise<void> {
  const { engine, host } = await closedFolder(folder)
  const report = await engine.repair(host, options).catch((error: unknown) => {
    if (!(error instanceof TsinkError) || error.detail['option'] !== 'loseDeletes') throw error
    throw new TsinkError(error.code, error.message.replace('loseDeletes', '--lose-deletes'), { cause: error, detail: error.detail })
  })
  const { catalog, reason, segments, samples, deletes, deletesLost, setAside } = report
  if (reason !== null) process.stdout.write(`${reason}\n`)
  for (const each of setAside) process.stdout.write(`${each.file}: moved to ${each.movedTo}: ${each.reason}\n`)
  if (deletesLost) process.stdout.write('deletes that were older than the log are lost: what they hid may be there again\n')
  process.stdout.write(`${DONE[catalog]}; ${segments} segments with ${samples} samples, ${deletes} deletes in force\n`)
}
