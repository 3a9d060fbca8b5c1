/**
 * A data folder as a store, for commands that work without a server. The folder's lock sees to it that no server has it open.
 */
import { existsSync } from 'node:fs'
import { TsinkError } from '@tsink/core'
import type { Engine } from '@tsink/engine'
import type { Host } from '@tsink/host'

export async function openFolder(folder: string): Promise<Engine> {
  const { engine, host } = await closedFolder(folder)
  return engine.open(host, {})
}

/** What it takes to work on a folder as it lies there. */
export async function closedFolder(folder: string): Promise<{ readonly engine: typeof Engine; readonly host: Host }> {
  if (!existsSync(folder)) throw new TsinkError('BAD_CONFIG', `the data folder ${folder} does not exist`)
  const [engine, { nodeHost }] = await Promise.all([import('@tsink/engine'), import('@tsink/host/node')])
  return { engine: engine.Engine, host: nodeHost(folder) }
}
