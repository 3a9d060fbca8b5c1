/** Files that settings name: read once, when a listener opens, and refused in one line when they cannot be read. */
import { readFileSync } from 'node:fs'
import { TsinkError } from '@tsink/core'
import type { Config } from './config.ts'

/** The token that requests must carry, or null when none is set. @throws TsinkError BAD_CONFIG */
export function tokenOf({ authToken, authTokenFile }: Config): string | null {
  if (authTokenFile === null) return authToken
  const token = readSetting('--auth-token-file', authTokenFile).toString().trim()
  if (token === '') throw new TsinkError('BAD_CONFIG', `--auth-token-file: ${authTokenFile} is empty`)
  return token
}

/** Certificate and key, or null where plain HTTP is served. @throws TsinkError BAD_CONFIG */
export function certificateOf({ tlsCert, tlsKey }: Config): { readonly cert: Buffer; readonly key: Buffer } | null {
  if (tlsCert === null || tlsKey === null) return null
  return { cert: readSetting('--tls-cert', tlsCert), key: readSetting('--tls-key', tlsKey) }
}

function readSetting(flag: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new TsinkError('BAD_CONFIG', `${flag}: cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`)
  }
}
