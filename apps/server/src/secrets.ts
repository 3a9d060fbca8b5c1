/** The token that requests must carry, or null when none is set. Read once, when a listener opens. */
import { readFileSync } from 'node:fs'
import type { Config } from './config.ts'

export function tokenOf({ authToken, authTokenFile }: Config): string | null {
  return authToken ?? (authTokenFile === null ? null : readFileSync(authTokenFile, 'utf8').trim())
}
