/**
 * `tsink import`: files in Prometheus's text format, or in NDJSON as `tsink export` writes it, into a server or a data folder, in pieces that end at
 * line ends, so that a file of any size passes through little memory. A bad line costs only itself and is reported.
 */
import { createReadStream, statSync } from 'node:fs'
import { Transform, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { TsinkError, type Store } from '@tsink/core'
import { Exit } from '../failure.ts'
import { post } from '../post.ts'
import { openFolder } from '../open-folder.ts'
import { urlOf, type Target } from '../target.ts'

/** What goes out at once: large enough that requests cost nothing, far below every limit. */
const PIECE_BYTES = 4 * 1_024 * 1_024

/** Takes one piece; returns what it rejected, '' for nothing. */
type Sink = (piece: Uint8Array) => Promise<string>

export interface ImportCommand extends Target {
  readonly format: 'prometheus' | 'ndjson'
}

export async function importFiles(files: readonly string[], options: ImportCommand): Promise<void> {
  // A name that does not exist is said before anything is written.
  const sizes = files.map((file) => (file === '-' ? 0 : statSync(file).size))
  const url = urlOf(options)
  const store = url === null ? await openFolder(options.dataPath!) : null
  const sink = store === null ? httpSink(`${url!}/api/v1/import/${options.format}`) : await storeSink(store, options.format)
  const progress = await openProgress(sizes.reduce((sum, size) => sum + size, 0))
  let rejections = 0
  try {
    for (const file of files) {
      for await (const piece of pieces(file, progress.advance)) {
        const rejected = await sink(piece)
        if (rejected === '') continue
        rejections++
        process.stderr.write(`${file}: ${rejected}\n`)
      }
    }
  } finally {
    progress.close()
    await store?.close()
  }
  if (rejections > 0) throw new Exit(1)
}

function httpSink(url: string): Sink {
  return async (piece) => {
    for (let wait = 250; ; wait *= 2) {
      const response = await post(url, piece as BodyInit)
      const text = await response.text()
      if (response.ok) return ''
      if (response.status === 400) return text.trim()
      // Too much at once: the server says so, and the next try waits longer.
      if (response.status !== 429 || wait > 30_000)
        throw new TsinkError('BAD_REQUEST', `${url} answered ${response.status}: ${text.trim()}`)
      await new Promise((done) => setTimeout(done, wait))
    }
  }
}

async function storeSink(store: Store, format: ImportCommand['format']): Promise<Sink> {
  const { decodePrometheusText, decodeSampleLines, SeriesCache } = await import('@tsink/protocols')
  const decode = format === 'ndjson' ? decodeSampleLines : decodePrometheusText
  const cache = new SeriesCache()
  return async (piece) => {
    const { batch, rejected } = decode(piece, { now: Date.now(), cache })
    const result = await store.append(batch)
    const parts = [rejected.toString(), ...result.rejections.slice(0, 10).map(({ reason, message }) => `${reason}: ${message}`)]
    return parts.filter((part) => part !== '').join('; ')
  }
}

/** The file in pieces that end at line ends. `advance` is told of the bytes read. */
async function* pieces(file: string, advance: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let held: Buffer[] = []
  let size = 0
  for await (const chunk of open(file, advance)) {
    held.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size < PIECE_BYTES) continue
    const whole = Buffer.concat(held)
    const end = whole.lastIndexOf(0x0a) + 1
    if (end === 0) continue
    yield whole.subarray(0, end)
    held = [whole.subarray(end)]
    size = whole.length - end
  }
  if (size > 0) yield Buffer.concat(held)
}

function open(file: string, advance: (bytes: number) => void): Readable {
  const source = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1_024 })
  const counter = new Transform({
    transform(chunk: Buffer, _, done) {
      advance(chunk.length)
      done(null, chunk)
    },
  })
  source.on('error', (error) => counter.destroy(error))
  const counted = source.pipe(counter)
  if (!file.endsWith('.gz')) return counted
  const plain = createGunzip()
  counted.on('error', (error) => plain.destroy(error))
  return counted.pipe(plain)
}

interface Progress {
  readonly advance: (bytes: number) => void
  readonly close: () => void
}

/** A bar on a terminal, nothing elsewhere. */
async function openProgress(totalBytes: number): Promise<Progress> {
  if (!process.stderr.isTTY) return { advance: () => undefined, close: () => undefined }
  const { default: cliProgress } = await import('cli-progress')
  const format = '{bar} {percentage}%  {value}/{total} MB  {eta_formatted} left'
  const bar = new cliProgress.SingleBar({ format, stream: process.stderr, hideCursor: true }, cliProgress.Presets.shades_classic)
  bar.start(megabytes(totalBytes), 0)
  let read = 0
  return {
    advance: (bytes) => {
      read += bytes
      bar.update(megabytes(read))
    },
    close: () => bar.stop(),
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 100_000) / 10
}
