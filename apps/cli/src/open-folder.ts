/**
 * A data folder as a store, for commands that work without a server. The folder's lock sees to it that no server has it open.
 */
import { existsSync } from 'node:fs'
import { TsinkError, type Store } from '@tsink/core'

export async function openFolder(folder: string): Promise<Store> {
  if (!existsSync(folder)) throw new TsinkError('BAD_CONFIG', `the data folder ${folder} does not exist`)
  const [{ Engine }, { nodeHost }] = await Promise.all([import('@tsink/engine'), import('@tsink/host/node')])
  return Engine.open(nodeHost(folder), {})
}
