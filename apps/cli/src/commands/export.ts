/**
 * `tsink export`: the samples of selected series in one format or another, from a server or a data folder, to a file or standard output. It passes
 * through little memory whatever its size.
 */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { TsinkError } from '@tsink/core'
import { parseTime, type ExportFormat, type ExportRequest } from '@tsink/server'
import { post } from '../post.ts'
import { openFolder } from '../open-folder.ts'
import { urlOf, type Target } from '../target.ts'

export interface ExportCommand extends Target {
  readonly match: readonly string[]
  readonly format: ExportFormat
  readonly start?: string
  readonly end?: string
  readonly labels: 'columns' | 'json'
  readonly fields: string
  readonly output?: string
}

/** As far ahead and back as times reach. */
const END_OF_TIME_MS = 8_640_000_000_000_000

export async function exportSeries(options: ExportCommand): Promise<void> {
  const url = urlOf(options)
  if (url !== null) {
    const pieces = await fetchPieces(url, options)
    try {
      return await write(Readable.fromWeb(pieces), options.output)
    } catch (error) {
      // What fetch throws when a connection breaks.
      if (error instanceof TypeError) throw new TsinkError('CLOSED', `${url} broke the export off; its log says why`)
      throw error
    }
  }
  const request = await requestOf(options)
  const [{ exportPieces }, store] = await Promise.all([import('@tsink/server'), openFolder(options.dataPath!)])
  try {
    await write(Readable.from(exportPieces(store, request), { objectMode: false }), options.output)
  } finally {
    await store.close()
  }
}

/** Writes to a file, which has its name when it is whole, or to standard output. */
async function write(source: Readable, output: string | undefined): Promise<void> {
  if (output === undefined) return pipeline(source, process.stdout, { end: false })
  const unfinished = `${output}.unfinished`
  try {
    await pipeline(source, createWriteStream(unfinished))
    await rename(unfinished, output)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
}

async function fetchPieces(url: string, options: ExportCommand): Promise<ReadableStream> {
  const parameters = new URLSearchParams({ labels: options.labels })
  for (const selector of options.match) parameters.append('match[]', selector)
  for (const name of ['start', 'end'] as const) if (options[name] !== undefined) parameters.set(name, options[name])
  if (options.format === 'csv') parameters.set('format', options.fields)
  const path = options.format === 'jsonl' ? 'export' : `export/${options.format}`
  const response = await post(`${url}/api/v1/${path}`, parameters)
  if (response.ok) return response.body as ReadableStream
  const text = await response.text()
  throw new TsinkError('BAD_REQUEST', `${url} answered ${response.status}: ${text.slice(0, 500)}`)
}

async function requestOf({ match, format, start, end, labels, fields }: ExportCommand): Promise<ExportRequest> {
  const [{ parseSelector }, { parseCsvFields }] = await Promise.all([import('@tsink/promql'), import('@tsink/protocols')])
  return {
    format,
    selectors: match.map((text) => parseSelector(text)),
    minTime: timeOf('--start', start, -END_OF_TIME_MS),
    maxTime: timeOf('--end', end, END_OF_TIME_MS),
    labels,
    csvFields: parseCsvFields(fields),
  }
}

function timeOf(flag: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  const time = parseTime(text)
  if (time === null) throw new TsinkError('BAD_CONFIG', `${flag}: ${JSON.stringify(text)} is neither Unix seconds nor RFC 3339`)
  return time
}
