/** Native and classic histograms in all three exposition formats, against the field's own cases. */
import { describe, expect, test } from 'vitest'
import type { Histogram } from '@tsink/core'
import {
  chooseExposition,
  decodeOpenMetricsText,
  decodePrometheusProtobuf,
  decodePrometheusText,
  expositionFormat,
  type Decoded,
  printShortest,
} from '@tsink/protocols'
import { corpus } from '@tsink/testing'
import { flatten, inputOf, readLines, type Case } from './lines.ts'

const field = corpus('exposition')

function decode(item: Case): Decoded {
  const body = inputOf(item)
  const options = {
    now: -1,
    convertClassicHistograms: item['convertClassicToNHCB'] as boolean,
    keepClassicHistograms: item['keepClassic'] as boolean,
    ignoreNativeHistograms: item['ignoreNativeHistograms'] as boolean,
    createdAsStart: (item['skipCreatedSeries'] as boolean | undefined) ?? true,
    badLine: 'body' as const,
    typeAndUnitLabels: item['typeAndUnitLabels'] === true,
  }
  switch (expositionFormat((item['contentType'] as string | undefined) ?? 'application/vnd.google.protobuf')) {
    case 'openmetrics-text':
      return decodeOpenMetricsText(body, options)
    case 'prometheus-text':
      return decodePrometheusText(body, options)
    default:
      return decodePrometheusProtobuf(body, options)
  }
}

/** Series and histograms as sets of lines: in a batch floats and histograms stand in columns of their own. */
function wanted(item: Case): string[] {
  return (item['entries'] as Case[])
    .filter((entry) => entry['entry'] === 'series' || entry['entry'] === 'histogram')
    .map((entry) => {
      const labels = Object.entries(entry['labels'] as Record<string, string>).filter(([, value]) => value !== '')
      const value = entry['value'] ?? histogramText(entry['histogram'] as Case)
      return JSON.stringify([
        labels.sort(([a], [b]) => (a < b ? -1 : 1)),
        value,
        entry['timestampMs'] ?? -1,
        entry['startTimestampMs'] ?? 0,
      ])
    })
    .sort()
}

function got(decoded: Decoded): string[] {
  return flatten(decoded.batch)
    .map(({ labels, value, timestamp, startTimestamp }) => {
      const text = typeof value === 'object' ? histogramText(asCase(value)) : value
      return JSON.stringify([[...labels].sort(([a], [b]) => (a < b ? -1 : 1)), text, timestamp, startTimestamp])
    })
    .sort()
}

function asCase(h: Histogram): Case {
  return {
    count: printShortest(h.count),
    sum: printShortest(h.sum),
    schema: h.schema,
    zeroCount: printShortest(h.zeroCount),
    zeroThreshold: printShortest(h.zeroThreshold),
    counterResetHint: h.hint,
    integer: h.isInteger,
    customValues: [...h.customValues].map(printShortest),
    positiveSpans: h.positiveSpans.map(({ offset, length }) => [offset, length]),
    negativeSpans: h.negativeSpans.map(({ offset, length }) => [offset, length]),
    positiveBucketsAbsolute: [...h.positiveBuckets].map(printShortest),
    negativeBucketsAbsolute: [...h.negativeBuckets].map(printShortest),
  }
}

function histogramText(h: Case): string {
  return JSON.stringify(Object.entries(h).sort(([a], [b]) => (a < b ? -1 : 1)))
}

describe.skipIf(field.skip !== null)(field.skip ?? 'the field’s own cases', () => {
  const files = ['protobuf.jsonl', 'nhcb_protobuf.jsonl', 'nhcb_text.jsonl']
  const cases =
    field.path === null ? [] : files.flatMap((file) => readLines(field.path!, file).map((item) => [`${file} ${item['id']}`, item] as const))
  test.each(cases)('%s', (_, item) => {
    if (!item['ok']) return expect(() => decode(item)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
    const decoded = decode(item)
    expect(got(decoded)).toEqual(wanted(item))
    const exemplars = (item['entries'] as Case[]).flatMap((entry) => (entry['exemplars'] as Case[] | undefined) ?? [])
    const plain = (labels: object, value: unknown, time: unknown): string => JSON.stringify([labels, value, time ?? -1])
    const withTime = exemplars.map((exemplar) => plain(exemplar['labels'], exemplar['value'], exemplar['timestampMs']))
    const ours = decoded.batch.exemplars!.map(({ labels, value, timestamp }) => plain(labels.toJSON(), printShortest(value), timestamp))
    if (!item['convertClassicToNHCB'])
      expect(ours.filter((text) => !withTime.includes(text)).length).toBeLessThanOrEqual(
        withTime.filter((text) => text.endsWith('-1]')).length,
      )
    expect(decoded.batch.exemplars!.length).toBeLessThanOrEqual(exemplars.length)
    for (const entry of item['entries'] as Case[]) {
      const known = decoded.batch.metadata!.find(({ metric }) => metric === entry['metric'])
      if (entry['entry'] === 'type') expect(known!.type).toBe(entry['type'] === 'untyped' ? 'unknown' : entry['type'])
      if (entry['entry'] === 'unit') expect(known!.unit).toBe(entry['unit'])
      if (entry['entry'] === 'help') expect(known!.help).toBe(entry['help'])
    }
  })

  const contentTypes = field.path === null ? [] : readLines(field.path, 'content_type.jsonl')
  test.each(contentTypes.map((item) => [item['id'] as number, item['contentType'] as string, item] as const))(
    'content type %i %j',
    (_, contentType, item) => {
      const { format, problem } = chooseExposition(contentType, item['fallbackContentType'] as string)
      // Where the reference goes on to parse, `ok` says how that ended.
      expect(format !== null).toBe(item['ok'] !== undefined)
      expect(problem !== null).toBe(item['newParserError'] !== undefined)
    },
  )
})
