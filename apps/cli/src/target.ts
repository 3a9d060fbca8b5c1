/** What a command works on: a server, or a data folder itself. */

/** The options of such a command. */
export interface Target {
  readonly url?: string
  readonly dataPath?: string
}

export const DEFAULT_URL = 'http://127.0.0.1:9201'

/** The server's address of a command's options, or null when they name a data folder. */
export function urlOf({ url, dataPath }: Target): string | null {
  return dataPath === undefined ? (url ?? DEFAULT_URL).replace(/\/+$/, '') : null
}
