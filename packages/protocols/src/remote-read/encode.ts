/**
 * Answers to remote reads. The sampled one is a single message that must be held whole; the streamed one is frames of at most 1 MiB of chunks,
 * made and sent series by series.
 *
 *     frame    uvarint length │ CRC32C, big-endian │ ChunkedReadResponse { chunked_series 1 { labels 1, chunks 2 }, query_index 2 }
 */
import { TsinkError, type Labels, type Matcher, type SampleBuffer } from '@tsink/core'
import { crc32c } from '@tsink/kernel'
import { HIGH, LOW, wordsOf } from '../double-bits.ts'
import { encodePairs } from '../label-pairs.ts'
import { ProtoWriter } from '../protobuf.ts'
import { encodeHistogram } from '../remote-write/histogram.ts'
import { encodeChunks, type EncodedChunk } from './chunk.ts'
import type { ReadRequest } from './decode.ts'
import { REMOTE_READ_LIMITS } from './limits.ts'

/** Collects a sampled answer: `beginQuery` for each query of the request, then its series in order of their labels. */
export class ReadResponseEncoder {
  readonly #response = new ProtoWriter(65_536)
  readonly #result = new ProtoWriter(65_536)
  readonly #series = new ProtoWriter(4_096)
  readonly #inner = new ProtoWriter()
  #samples = 0
  #open = false

  beginQuery(): void {
    this.#endQuery()
    this.#open = true
  }

  /** Adds a series; its samples are copied. @throws TsinkError QUERY_SAMPLES when the answer grows above the limit. */
  series(labels: Labels, samples: SampleBuffer): void {
    this.#samples += samples.count
    if (this.#samples > REMOTE_READ_LIMITS.samples) {
      throw new TsinkError(
        'QUERY_SAMPLES',
        `the answer has more than ${REMOTE_READ_LIMITS.samples} samples; ask for less, or accept streamed chunks`,
      )
    }
    const series = this.#series
    const inner = this.#inner
    series.clear()
    encodePairs(series, inner, labels)
    const words = wordsOf(samples.values)
    for (let i = 0; i < samples.count; i++) {
      const histogram = samples.histograms?.[i]
      const time = samples.base + samples.timestamps[i]!
      inner.clear()
      if (histogram === undefined) {
        inner.doubleBitsField(1, words[i * 2 + LOW]!, words[i * 2 + HIGH]!)
        inner.int64Field(2, time)
        series.message(2, inner)
      } else {
        encodeHistogram(inner, histogram, time)
        series.message(4, inner)
      }
    }
    this.#result.message(1, series)
  }

  /** The message, to be compressed as a snappy block. */
  finish(): Uint8Array {
    this.#endQuery()
    return this.#response.finish()
  }

  #endQuery(): void {
    if (this.#open) this.#response.message(1, this.#result)
    this.#result.clear()
    this.#open = false
  }
}

/** The frames of one series in a streamed answer. The samples are read while the generator runs. */
export function* encodeReadFrames(labels: Labels, samples: SampleBuffer, queryIndex: number): Generator<Uint8Array, void, undefined> {
  let chunks: EncodedChunk[] = []
  let size = 0
  for (const chunk of encodeChunks(samples)) {
    if (chunks.length > 0 && size + chunk.bytes.length > REMOTE_READ_LIMITS.frameBytes) {
      yield frame(labels, chunks, queryIndex)
      chunks = []
      size = 0
    }
    chunks.push(chunk)
    size += chunk.bytes.length + 24
  }
  if (chunks.length > 0) yield frame(labels, chunks, queryIndex)
}

function frame(labels: Labels, chunks: readonly EncodedChunk[], queryIndex: number): Uint8Array {
  const series = new ProtoWriter(4_096)
  const inner = new ProtoWriter()
  encodePairs(series, inner, labels)
  for (const chunk of chunks) {
    inner.clear()
    inner.int64Field(1, chunk.minTime)
    inner.int64Field(2, chunk.maxTime)
    inner.uint64Field(3, chunk.encoding)
    inner.bytesField(4, chunk.bytes)
    series.message(2, inner)
  }
  const message = new ProtoWriter(series.length + 64)
  message.message(1, series)
  message.int64Field(2, queryIndex)
  const head = new ProtoWriter(16)
  head.uvarint(message.length)
  const checksum = crc32c(message.view())
  head.raw(Uint8Array.of(checksum >>> 24, checksum >>> 16, checksum >>> 8, checksum))
  const whole = new Uint8Array(head.length + message.length)
  whole.set(head.view())
  whole.set(message.view(), head.length)
  return whole
}

const MATCH_NUMBERS: Readonly<Record<Matcher['type'], number>> = { '=': 0, '!=': 1, '=~': 2, '!~': 3 }

/** A request, to be compressed as a snappy block: for reading from others. */
export function encodeReadRequest(request: Pick<ReadRequest, 'queries' | 'responseType'>): Uint8Array {
  const whole = new ProtoWriter()
  const query = new ProtoWriter()
  const inner = new ProtoWriter()
  for (const { minTime, maxTime, matchers } of request.queries) {
    query.clear()
    query.int64Field(1, minTime)
    query.int64Field(2, maxTime)
    for (const matcher of matchers) {
      inner.clear()
      inner.uint64Field(1, MATCH_NUMBERS[matcher.type])
      inner.stringField(2, matcher.name)
      inner.stringField(3, matcher.value)
      query.message(3, inner)
    }
    whole.message(1, query)
  }
  inner.clear()
  inner.uvarint(request.responseType === 'samples' ? 0 : 1)
  whole.message(2, inner)
  return whole.finish()
}
