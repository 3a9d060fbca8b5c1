/**
 * `tsink snapshot`: a verified copy of a store that is a store of its own, made by a running server or from a data folder.
 */
import { join } from 'node:path'
import { TsinkError } from '@tsink/core'
import { post } from '../post.ts'
import { openFolder } from '../open-folder.ts'
import { urlOf, type Target } from '../target.ts'

export async function snapshot(options: Target): Promise<void> {
  const url = urlOf(options)
  process.stdout.write(`${url === null ? await fromFolder(options.dataPath!) : await fromServer(url)}\n`)
}

async function fromServer(url: string): Promise<string> {
  const response = await post(`${url}/api/v1/admin/tsdb/snapshot`)
  const body = (await response.json()) as { data?: { name: string }; error?: string }
  if (body.data === undefined) throw new TsinkError('BAD_REQUEST', `${url} answered ${response.status}: ${body.error}`)
  return `snapshots/${body.data.name} below the server's data path`
}

async function fromFolder(folder: string): Promise<string> {
  const engine = await openFolder(folder)
  try {
    const name = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')
    const { path, samples, sizeBytes } = await engine.snapshot(`snapshots/${name}`)
    return `${join(folder, path)}: ${samples} samples, ${sizeBytes} bytes`
  } finally {
    await engine.close()
  }
}
