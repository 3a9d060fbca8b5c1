/**
 * The server's token, where it wants one (`--auth-token`): kept as long as the tab lives, sent with every question, asked for when the server
 * refuses without it.
 */

const KEY = 'tsink.token'
const REFUSED = 'tsink-token-refused'

let token = stored()

/** The headers of a request. */
export function authorization(): Record<string, string> {
  return token === '' ? {} : { authorization: `Bearer ${token}` }
}

export function setToken(next: string): void {
  token = next
  try {
    sessionStorage.setItem(KEY, next)
  } catch {
    // It is in memory, which lasts until the page is loaded again.
  }
}

/** Says that the server refused a question for want of a token. */
export function tokenRefused(): void {
  dispatchEvent(new Event(REFUSED))
}

/** Calls back whenever the server refuses; returns what ends it. */
export function onTokenRefused(listener: () => void): () => void {
  addEventListener(REFUSED, listener)
  return () => removeEventListener(REFUSED, listener)
}

function stored(): string {
  try {
    return sessionStorage.getItem(KEY) ?? ''
  } catch {
    return ''
  }
}
