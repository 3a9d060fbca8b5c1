/**
 * HttpClient: GET with kept connections, authentication, TLS and hard bounds: one deadline over everything, one limit on the body as it comes
 * and as it is after decompression. Secrets in files are read for each request, certificates when their files change.
 */
import { readFile, stat } from 'node:fs/promises'
import * as http from 'node:http'
import * as https from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import { TsinkError } from '@tsink/core'
import { decompress } from '../body.ts'
import type { HttpSettings, TlsSettings } from './job.ts'

export interface GetOptions {
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Of the body after decompression, and of what comes over the wire. */
  readonly maxBytes: number
  readonly signal: AbortSignal
}

export interface Got {
  readonly status: number
  readonly statusText: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: Uint8Array
}

/** Why a request failed, in one word for counters. */
export type GetFailure = 'timeout' | 'connection' | 'body_limit' | 'encoding' | 'redirect' | 'settings'

export class GetError extends Error {
  override readonly name = 'GetError'
  readonly failure: GetFailure

  constructor(failure: GetFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.failure = failure
  }
}

/** As many hops as other clients follow. */
const MAX_REDIRECTS = 10
/** A connection that nobody used for so long is closed: longer than any usual interval. */
const IDLE_MS = 5 * 60_000

export class HttpClient {
  readonly #settings: HttpSettings
  readonly #plain: http.Agent = new http.Agent({ keepAlive: true, timeout: IDLE_MS })
  #secure: https.Agent | null = null
  #secureVersion = ''

  constructor(settings: HttpSettings) {
    this.#settings = settings
  }

  /** @throws GetError */
  async get(url: URL, options: GetOptions): Promise<Got> {
    const deadline = AbortSignal.timeout(options.timeoutMs)
    const signal = AbortSignal.any([deadline, options.signal])
    try {
      return await this.#follow(url, options, signal)
    } catch (error) {
      if (deadline.aborted) throw new GetError('timeout', `no answer within ${options.timeoutMs / 1_000}s`, error)
      if (error instanceof GetError) throw error
      if (options.signal.aborted) throw new GetError('connection', 'the scraper stops', error)
      throw new GetError('connection', reasonOf(error), error)
    }
  }

  /** Closes idle connections; those in use end with their requests. */
  close(): void {
    this.#plain.destroy()
    this.#secure?.destroy()
  }

  async #follow(first: URL, options: GetOptions, signal: AbortSignal): Promise<Got> {
    const own = await ownHeaders(this.#settings)
    let url = first
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      // What proves who we are goes to the host that was configured and to no other.
      const headers = url.host === first.host ? { ...options.headers, ...own } : options.headers
      const response = await this.#request(url, headers, signal)
      const status = response.statusCode!
      const location = response.headers.location
      if (!this.#settings.followRedirects || location === undefined || ![301, 302, 303, 307, 308].includes(status)) {
        return {
          status,
          statusText: response.statusMessage ?? '',
          headers: response.headers,
          body: await readLimited(response, options.maxBytes),
        }
      }
      response.resume()
      if (!URL.canParse(location, url)) throw new GetError('redirect', `redirected to ${JSON.stringify(location)}, which is no URL`)
      url = new URL(location, url)
    }
    throw new GetError('redirect', `stopped after ${MAX_REDIRECTS} redirects`)
  }

  async #request(url: URL, headers: http.OutgoingHttpHeaders, signal: AbortSignal): Promise<http.IncomingMessage> {
    const secure = url.protocol === 'https:'
    const agent = secure ? await this.#secureAgent() : this.#plain
    const send = (): Promise<http.IncomingMessage> =>
      new Promise((resolve, reject) => {
        const request = (secure ? https : http).request(url, { agent, headers, signal })
        request.on('response', resolve)
        request.on('error', (error: NodeJS.ErrnoException) => {
          // The server closed a kept connection just when we used it again; a new one tells whether it is there.
          if (request.reusedSocket && error.code === 'ECONNRESET' && !signal.aborted) send().then(resolve, reject)
          else reject(error)
        })
        request.end()
      })
    return send()
  }

  /** The agent of the certificates as they are now. */
  async #secureAgent(): Promise<https.Agent> {
    const { tlsConfig } = this.#settings
    const version = await versionOf(tlsConfig)
    if (this.#secure === null || version !== this.#secureVersion) {
      const tls = await tlsOptions(tlsConfig)
      this.#secure?.destroy()
      this.#secure = new https.Agent({ keepAlive: true, timeout: IDLE_MS, ...tls })
      this.#secureVersion = version
    }
    return this.#secure
  }
}

/** Reads a body and undoes its encoding. */
async function readLimited(response: http.IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) {
      response.destroy()
      throw bodyLimit(maxBytes)
    }
    chunks.push(chunk)
  }
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)
  try {
    return await decompress(bytes, (response.headers['content-encoding'] ?? '').trim().toLowerCase(), maxBytes)
  } catch (error) {
    if (error instanceof TsinkError && error.code === 'TOO_LARGE') throw bodyLimit(maxBytes)
    throw new GetError('encoding', error instanceof Error ? error.message : String(error), error)
  }
}

function bodyLimit(maxBytes: number): GetError {
  return new GetError('body_limit', `body size limit exceeded (limit: ${maxBytes} bytes)`)
}

/** The headers that the settings ask for. */
async function ownHeaders(settings: HttpSettings): Promise<Record<string, string | string[]>> {
  const headers: Record<string, string | string[]> = {}
  for (const [name, { values, secrets, files }] of Object.entries(settings.httpHeaders)) {
    headers[name.toLowerCase()] = [...values, ...secrets, ...(await Promise.all(files.map(readSecret)))]
  }
  const { basicAuth, authorization } = settings
  if (basicAuth !== null) {
    const username = basicAuth.usernameFile === null ? basicAuth.username : await readSecret(basicAuth.usernameFile)
    const password = basicAuth.passwordFile === null ? basicAuth.password : await readSecret(basicAuth.passwordFile)
    headers['authorization'] = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  } else if (authorization !== null) {
    const { type, credentials, credentialsFile } = authorization
    headers['authorization'] = `${type} ${credentialsFile === null ? credentials : await readSecret(credentialsFile)}`
  }
  return headers
}

async function readSecret(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    throw new GetError('settings', `cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, error)
  }
}

async function versionOf({ caFile, certFile, keyFile }: TlsSettings): Promise<string> {
  const times = await Promise.all(
    [caFile, certFile, keyFile].map(async (path) => (path === null ? '' : String((await stat(path).catch(() => null))?.mtimeMs))),
  )
  return times.join()
}

async function tlsOptions(settings: TlsSettings): Promise<ConnectionOptions> {
  const { ca, caFile, cert, certFile, key, keyFile, serverName, insecureSkipVerify, minVersion, maxVersion } = settings
  const part = async (name: 'ca' | 'cert' | 'key', text: string | null, path: string | null): Promise<ConnectionOptions> => {
    const value = path === null ? text : await readSecret(path)
    return value === null ? {} : { [name]: value }
  }
  return {
    ...(await part('ca', ca, caFile)),
    ...(await part('cert', cert, certFile)),
    ...(await part('key', key, keyFile)),
    ...(serverName === null ? {} : { servername: serverName }),
    ...(minVersion === null ? {} : { minVersion }),
    ...(maxVersion === null ? {} : { maxVersion }),
    rejectUnauthorized: !insecureSkipVerify,
  }
}

/** `connect ECONNREFUSED 127.0.0.1:9100`, also where every address of a name failed. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
