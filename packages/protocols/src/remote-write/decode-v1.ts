/** Remote write 1.0: a WriteRequest whose series carry their labels as text. */
import { Labels, type MetricType } from '@tsink/core'
import { BatchWriter } from '../batch-writer.ts'
import { Rejected, type DecodeOptions } from '../decoded.ts'
import { decodePair } from '../label-pairs.ts'
import { LabelWriter } from '../label-writer.ts'
import { BYTES, FIXED64, ProtoReader, VARINT } from '../protobuf.ts'
import { KEY_KINDS } from '../series-cache.ts'
import type { RemoteWriteDecoded } from './decode.ts'
import { decodeHistogram } from './histogram.ts'
import { metricType } from './metadata.ts'

const labelWriter = new LabelWriter()

export function decodeRequestV1(body: Uint8Array, options: DecodeOptions): RemoteWriteDecoded {
  const batch = new BatchWriter(options, Math.min(4_096, body.length >>> 6) + 1, body.length)
  const rejected = new Rejected()
  const reader = new ProtoReader(body, 'remote write')
  let histograms = 0
  let series = 0
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | BYTES)) {
      const outer = reader.enter()
      histograms += decodeSeries(reader, batch, rejected, series++)
      reader.leave(outer)
    } else if (tag === ((3 << 3) | BYTES)) {
      const outer = reader.enter()
      decodeMetadata(reader, batch)
      reader.leave(outer)
    } else reader.skip(tag)
  }
  return {
    version: 1,
    batch: batch.build(),
    rejected,
    samples: batch.samples - histograms,
    histograms,
    exemplars: batch.exemplars,
  }
}

const SAMPLE_TAG = (2 << 3) | BYTES
const EXEMPLAR_TAG = (3 << 3) | BYTES
const HISTOGRAM_TAG = (4 << 3) | BYTES

/** Returns how many histograms the series had. */
function decodeSeries(reader: ProtoReader, batch: BatchWriter, rejected: Rejected, index: number): number {
  const start = reader.at
  // Labels come first and in one piece from every known sender; their raw bytes are the key.
  while (reader.at < reader.end && reader.bytes[reader.at] === 0x0a) reader.skip(reader.tag())
  const labelsEnd = reader.at
  let slot = hasLabels(reader, labelsEnd) ? -1 : batch.known(reader.bytes, start, labelsEnd, KEY_KINDS.remoteWrite)
  if (slot < 0) {
    const problem = decodeLabels(reader, start)
    if (problem !== null) {
      rejected.add(`timeseries[${index}]`, `${problem}: ${labelWriter.toString()}`, countSamples(reader, start))
      return 0
    }
    reader.at = labelsEnd
    slot = hasLabels(reader, labelsEnd)
      ? batch.add(labelWriter)
      : batch.remember(reader.bytes, start, labelsEnd, KEY_KINDS.remoteWrite, labelWriter)
  }
  reader.at = labelsEnd
  let histograms = 0
  while (reader.more) {
    const tag = reader.tag()
    switch (tag) {
      case SAMPLE_TAG:
        decodeSample(reader, batch, slot)
        break
      case HISTOGRAM_TAG: {
        const outer = reader.enter()
        const { histogram, problem, timestamp, startTimestamp } = decodeHistogram(reader)
        reader.leave(outer)
        if (histogram === null) rejected.add(`timeseries[${index}] histogram at ${timestamp}`, problem!)
        else {
          batch.histogram(slot, timestamp, histogram, startTimestamp)
          histograms++
        }
        break
      }
      case EXEMPLAR_TAG:
        decodeExemplar(reader, batch, slot, rejected, index)
        break
      default:
        reader.skip(tag)
    }
  }
  return histograms
}

/** Whether more label fields follow behind the first run. */
function hasLabels(reader: ProtoReader, from: number): boolean {
  const at = reader.at
  reader.at = from
  let found = false
  while (reader.more && !found) {
    const tag = reader.tag()
    found = tag === ((1 << 3) | BYTES)
    reader.skip(tag)
  }
  reader.at = at
  return found
}

/** Collects all labels of the series that begins at `start` and finishes them. */
function decodeLabels(reader: ProtoReader, start: number): string | null {
  labelWriter.begin()
  reader.at = start
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | BYTES)) decodeLabel(reader, labelWriter)
    else reader.skip(tag)
  }
  return labelWriter.finish(true)
}

export function decodeLabel(reader: ProtoReader, into: LabelWriter): void {
  const outer = reader.enter()
  let nameStart = 0
  let nameEnd = 0
  let valueStart = 0
  let valueEnd = 0
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | BYTES)) {
      nameEnd = reader.length()
      nameStart = reader.at
      reader.at = nameEnd
    } else if (tag === ((2 << 3) | BYTES)) {
      valueEnd = reader.length()
      valueStart = reader.at
      reader.at = valueEnd
    } else reader.skip(tag)
  }
  reader.leave(outer)
  into.add(reader.bytes, nameStart, nameEnd, valueStart, valueEnd)
}

function decodeSample(reader: ProtoReader, batch: BatchWriter, slot: number): void {
  const outer = reader.enter()
  let value = 0
  let timestamp = 0
  let startTimestamp = 0
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | FIXED64)) value = reader.double()
    else if (tag === ((2 << 3) | VARINT)) timestamp = reader.int64()
    // Of version 2.0, and nothing else in this one.
    else if (tag === ((3 << 3) | VARINT)) startTimestamp = reader.int64()
    else reader.skip(tag)
  }
  reader.leave(outer)
  batch.float(slot, timestamp, value, startTimestamp)
  if (value !== value) batch.nanBits(reader.nanLow, reader.nanHigh)
}

function countSamples(reader: ProtoReader, start: number): number {
  reader.at = start
  let count = 0
  while (reader.more) {
    const tag = reader.tag()
    if (tag === SAMPLE_TAG || tag === HISTOGRAM_TAG) count++
    reader.skip(tag)
  }
  return count
}

function decodeExemplar(reader: ProtoReader, batch: BatchWriter, slot: number, rejected: Rejected, index: number): void {
  const { pairs, value, timestamp } = decodeExemplarPairs(reader)
  try {
    batch.exemplar(slot, Labels.from(pairs), timestamp, value)
  } catch (error) {
    rejected.add(`timeseries[${index}] exemplar at ${timestamp}`, (error as Error).message, 0)
  }
}

/** Reads an exemplar whose length the reader stands at. */
export function decodeExemplarPairs(reader: ProtoReader): { pairs: [string, string][]; value: number; timestamp: number } {
  const outer = reader.enter()
  const pairs: [string, string][] = []
  let value = 0
  let timestamp = 0
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | BYTES)) pairs.push(decodePair(reader))
    else if (tag === ((2 << 3) | FIXED64)) value = reader.double()
    else if (tag === ((3 << 3) | VARINT)) timestamp = reader.int64()
    else reader.skip(tag)
  }
  reader.leave(outer)
  return { pairs, value, timestamp }
}

export function decodeMetadata(reader: ProtoReader, batch: BatchWriter): void {
  let metric = ''
  let type: MetricType = 'unknown'
  let help = ''
  let unit = ''
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | VARINT)) type = metricType(reader.uint32())
    else if (tag === ((2 << 3) | BYTES)) metric = reader.string()
    else if (tag === ((4 << 3) | BYTES)) help = reader.string()
    else if (tag === ((5 << 3) | BYTES)) unit = reader.string()
    else reader.skip(tag)
  }
  if (metric !== '') batch.metadata(metric, { type, help, unit })
}
