/** Secrets that settings hold or name as files: read once, when a listener opens, and refused in one line when they cannot be read. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { TsinkError } from '@tsink/core'
import type { Config } from './config.ts'

/** What a request without the token is told. */
export const TOKEN_WANTED = 'this server needs a token: Authorization: Bearer TOKEN'

/**
 * Whether an Authorization header carries the token, or null when none is set. Clients write it in their own ways: `Bearer TOKEN`, InfluxDB's
 * `Token TOKEN`, and Basic with the token as the password of any user.
 * @throws TsinkError BAD_CONFIG
 */
export function authorizer(config: Config): ((authorization: string | undefined) => boolean) | null {
  const token = tokenOf(config)
  if (token === null) return null
  const wanted = sha256(token)
  // Digests have one length, and comparing them takes one time.
  return (authorization) => timingSafeEqual(wanted, sha256(presented(authorization ?? '')))
}

function presented(authorization: string): string {
  const [, scheme, credentials] = /^(\w+) +(.*)$/.exec(authorization) ?? []
  switch (scheme?.toLowerCase()) {
    case 'bearer':
    case 'token':
      return credentials!
    case 'basic': {
      const pair = Buffer.from(credentials!, 'base64').toString()
      return pair.slice(pair.indexOf(':') + 1)
    }
    default:
      return ''
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** The token that requests must carry, or null when none is set. An empty one would let everybody in. */
function tokenOf({ authToken, authTokenFile }: Config): string | null {
  const token = authTokenFile === null ? authToken : readSetting('--auth-token-file', authTokenFile).toString().trim()
  if (token === '')
    throw new TsinkError('BAD_CONFIG', authTokenFile === null ? '--auth-token is empty' : `--auth-token-file: ${authTokenFile} is empty`)
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
