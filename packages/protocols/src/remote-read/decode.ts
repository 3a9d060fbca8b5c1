/**
 * Remote read requests, and answers for those who read from others.
 *
 *     ReadRequest { queries 1 { start 1, end 2, matchers 3 { type 1, name 2, value 3 }, hints 4 }, accepted_response_types 2 }
 */
import { Matcher, SampleBuffer, TsinkError, Labels, type MatchType } from '@tsink/core'
import { crc32c } from '@tsink/kernel'
import { badBody, tooLarge } from '../decoded.ts'
import { setBits } from '../double-bits.ts'
import { decodePair } from '../label-pairs.ts'
import { BYTES, FIXED64, ProtoReader, VARINT } from '../protobuf.ts'
import { decodeHistogram } from '../remote-write/histogram.ts'
import { decodeChunkInto } from './chunk.ts'
import { REMOTE_READ_LIMITS } from './limits.ts'

export type ReadResponseType = 'samples' | 'chunks'

export interface ReadQuery {
  /** Milliseconds, inclusive. */
  readonly minTime: number
  /** Milliseconds, inclusive. */
  readonly maxTime: number
  readonly matchers: readonly Matcher[]
  readonly hints: ReadHints | null
}

/** What the reader will do with the samples; advice that may be ignored. */
export interface ReadHints {
  readonly stepMs: number
  readonly func: string
  readonly startMs: number
  readonly endMs: number
  readonly grouping: readonly string[]
  readonly by: boolean
  readonly rangeMs: number
}

export interface ReadRequest {
  readonly queries: readonly ReadQuery[]
  /** The first accepted type that we know. */
  readonly responseType: ReadResponseType
}

const FORMAT = 'remote read'
const MATCH_TYPES: readonly MatchType[] = ['=', '!=', '=~', '!~']

/**
 * Decodes a request that is no longer compressed.
 * @throws TsinkError BAD_REQUEST when it is none or accepts no answer that we give, BAD_REGEX, TOO_LARGE.
 */
export function decodeReadRequest(body: Uint8Array): ReadRequest {
  if (body.length > REMOTE_READ_LIMITS.requestBytes)
    throw tooLarge('remote read request bytes', body.length, REMOTE_READ_LIMITS.requestBytes)
  const reader = new ProtoReader(body, FORMAT)
  const queries: ReadQuery[] = []
  const accepted: number[] = []
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | BYTES)) {
      if (queries.length === REMOTE_READ_LIMITS.queries)
        throw tooLarge('queries of one remote read', queries.length + 1, REMOTE_READ_LIMITS.queries)
      const outer = reader.enter()
      queries.push(decodeQuery(reader))
      reader.leave(outer)
    } else if (tag === ((2 << 3) | BYTES)) {
      const outer = reader.enter()
      while (reader.more) accepted.push(reader.uint32())
      reader.leave(outer)
    } else if (tag === ((2 << 3) | VARINT)) accepted.push(reader.uint32())
    else reader.skip(tag)
  }
  const type = accepted.length === 0 ? 0 : accepted.find((number) => number <= 1)
  if (type === undefined) {
    throw new TsinkError(
      'BAD_REQUEST',
      `none of the requested response types [${accepted.slice(0, 10).join(' ')}] is supported; 0 (SAMPLES) and 1 (STREAMED_XOR_CHUNKS) are`,
    )
  }
  return { queries, responseType: type === 0 ? 'samples' : 'chunks' }
}

function decodeQuery(reader: ProtoReader): ReadQuery {
  let minTime = 0
  let maxTime = 0
  let hints: ReadHints | null = null
  const matchers: Matcher[] = []
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | VARINT)) minTime = reader.int64()
    else if (tag === ((2 << 3) | VARINT)) maxTime = reader.int64()
    else if (tag === ((3 << 3) | BYTES)) {
      const outer = reader.enter()
      matchers.push(decodeMatcher(reader))
      reader.leave(outer)
    } else if (tag === ((4 << 3) | BYTES)) {
      const outer = reader.enter()
      hints = decodeHints(reader)
      reader.leave(outer)
    } else reader.skip(tag)
  }
  return { minTime, maxTime, matchers, hints }
}

function decodeMatcher(reader: ProtoReader): Matcher {
  const start = reader.at
  let type = 0
  let name = ''
  let value = ''
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | VARINT)) type = reader.uint32()
    else if (tag === ((2 << 3) | BYTES)) name = reader.string()
    else if (tag === ((3 << 3) | BYTES)) value = reader.string()
    else reader.skip(tag)
  }
  const kind = MATCH_TYPES[type]
  if (kind === undefined) throw badBody(FORMAT, `byte ${start}`, `found the matcher type ${type}; 0 to 3 are known`)
  return new Matcher(kind, name, value)
}

function decodeHints(reader: ProtoReader): ReadHints {
  const hints = { stepMs: 0, func: '', startMs: 0, endMs: 0, grouping: [] as string[], by: false, rangeMs: 0 }
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | VARINT)) hints.stepMs = reader.int64()
    else if (tag === ((2 << 3) | BYTES)) hints.func = reader.string()
    else if (tag === ((3 << 3) | VARINT)) hints.startMs = reader.int64()
    else if (tag === ((4 << 3) | VARINT)) hints.endMs = reader.int64()
    else if (tag === ((5 << 3) | BYTES)) hints.grouping.push(reader.string())
    else if (tag === ((6 << 3) | VARINT)) hints.by = reader.bool()
    else if (tag === ((7 << 3) | VARINT)) hints.rangeMs = reader.int64()
    else reader.skip(tag)
  }
  return hints
}

/** One series of an answer. */
export interface ReadSeries {
  readonly queryIndex: number
  readonly labels: Labels
  readonly samples: SampleBuffer
}

/** The series of a sampled answer (no longer compressed). @throws TsinkError BAD_REQUEST, BAD_LABEL */
export function decodeReadResponse(body: Uint8Array): ReadSeries[] {
  const reader = new ProtoReader(body, 'remote read response')
  const all: ReadSeries[] = []
  let queryIndex = 0
  while (reader.more) {
    const tag = reader.tag()
    if (tag !== ((1 << 3) | BYTES)) {
      reader.skip(tag)
      continue
    }
    const result = reader.enter()
    while (reader.more) {
      const inner = reader.tag()
      if (inner !== ((1 << 3) | BYTES)) {
        reader.skip(inner)
        continue
      }
      const outer = reader.enter()
      all.push(decodeSeries(reader, queryIndex))
      reader.leave(outer)
    }
    reader.leave(result)
    queryIndex++
  }
  return all
}

/** The series of a whole streamed answer; a series that came in several frames is put together. @throws TsinkError BAD_REQUEST, BAD_LABEL */
export function decodeReadStream(body: Uint8Array): ReadSeries[] {
  const all = new Map<string, ReadSeries>()
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  let at = 0
  while (at < body.length) {
    const start = at
    const head = new ProtoReader(body, FORMAT, at)
    const size = head.uint32()
    at = head.at
    if (size > body.length - at - 4) throw badBody('remote read stream', `byte ${start}`, `a frame of ${size} bytes is cut off`)
    const checksum = view.getUint32(at)
    const message = body.subarray(at + 4, at + 4 + size)
    const found = crc32c(message)
    if (found !== checksum)
      throw badBody('remote read stream', `byte ${start}`, `the checksum of the frame is ${checksum}, but its bytes have ${found}`)
    decodeFrame(message, all)
    at += 4 + size
  }
  return [...all.values()]
}

function decodeFrame(message: Uint8Array, all: Map<string, ReadSeries>): void {
  const reader = new ProtoReader(message, 'remote read stream')
  let queryIndex = 0
  const parts: { labels: Labels; chunks: { encoding: number; bytes: Uint8Array }[] }[] = []
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((2 << 3) | VARINT)) queryIndex = reader.int64()
    else if (tag === ((1 << 3) | BYTES)) {
      const outer = reader.enter()
      const pairs: [string, string][] = []
      const chunks: { encoding: number; bytes: Uint8Array }[] = []
      while (reader.more) {
        const field = reader.tag()
        if (field === ((1 << 3) | BYTES)) pairs.push(decodePair(reader))
        else if (field === ((2 << 3) | BYTES)) chunks.push(decodeChunkMessage(reader))
        else reader.skip(field)
      }
      reader.leave(outer)
      parts.push({ labels: Labels.from(pairs), chunks })
    } else reader.skip(tag)
  }
  for (const { labels, chunks } of parts) {
    const key = `${queryIndex}\u0000${labels.key()}`
    let series = all.get(key)
    if (series === undefined) {
      series = { queryIndex, labels, samples: new SampleBuffer() }
      all.set(key, series)
    }
    for (const { encoding, bytes } of chunks) decodeChunkInto(encoding, bytes, series.samples)
  }
}

function decodeChunkMessage(reader: ProtoReader): { encoding: number; bytes: Uint8Array } {
  const outer = reader.enter()
  let encoding = 0
  let bytes: Uint8Array = new Uint8Array(0)
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((3 << 3) | VARINT)) encoding = reader.uint32()
    else if (tag === ((4 << 3) | BYTES)) bytes = reader.blob()
    else reader.skip(tag)
  }
  reader.leave(outer)
  return { encoding, bytes }
}

function decodeSeries(reader: ProtoReader, queryIndex: number): ReadSeries {
  const pairs: [string, string][] = []
  const samples = new SampleBuffer()
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | BYTES)) pairs.push(decodePair(reader))
    else if (tag === ((2 << 3) | BYTES)) {
      const outer = reader.enter()
      let value = 0
      let timestamp = 0
      while (reader.more) {
        const field = reader.tag()
        if (field === ((1 << 3) | FIXED64)) value = reader.double()
        else if (field === ((2 << 3) | VARINT)) timestamp = reader.int64()
        else reader.skip(field)
      }
      reader.leave(outer)
      samples.push(timestamp, value)
      if (value !== value) setBits(samples.values, samples.count - 1, reader.nanLow, reader.nanHigh)
    } else if (tag === ((4 << 3) | BYTES)) {
      const outer = reader.enter()
      const { histogram, problem, timestamp } = decodeHistogram(reader)
      reader.leave(outer)
      if (histogram === null) throw badBody('remote read response', `histogram at ${timestamp}`, problem!)
      samples.pushHistogram(timestamp, histogram)
    } else reader.skip(tag)
  }
  return { queryIndex, labels: Labels.from(pairs), samples }
}
