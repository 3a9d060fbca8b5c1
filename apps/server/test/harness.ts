/** A server of the test's own on a free port, in this process. */
import { loadConfig, startServer, type RunningServer } from '@tsink/server'

export async function start(...flags: string[]): Promise<RunningServer> {
  const server = await startServer(await loadConfig(['--listen', '127.0.0.1:0', '--log-level', 'fatal', '--retention', '0', ...flags], {}))
  try {
    await server.ready
  } catch (error) {
    await server.stop()
    throw error
  }
  return server
}

export interface Envelope {
  readonly status: string
  readonly data: never
  readonly errorType?: string
  readonly error?: string
  readonly warnings?: readonly string[]
  readonly infos?: readonly string[]
}

/** GET, with the answer as JSON. */
export async function get(
  server: RunningServer,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; body: Envelope; response: Response }> {
  const response = await fetch(server.url + path, init)
  return { status: response.status, body: (await response.json()) as Envelope, response }
}

export async function importText(server: RunningServer, text: string): Promise<void> {
  const response = await fetch(`${server.url}/api/v1/import/prometheus`, { method: 'POST', body: text })
  if (response.status !== 204) throw new Error(`the import got ${response.status}: ${await response.text()}`)
}
