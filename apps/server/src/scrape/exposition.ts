/**
 * Exposition: which formats a target is asked for, in which order, and how its answer is read.
 */
import { TsinkError } from '@tsink/core'
import {
  chooseExposition,
  openMetricsTextInSlices,
  PROMETHEUS_PROTOBUF_CONTENT_TYPE,
  prometheusProtobufInSlices,
  prometheusTextInSlices,
  type Decoded,
  type DecodeOptions,
} from '@tsink/protocols'
import type { Job, ScrapeProtocol } from './job.ts'

const MEDIA_TYPES: Readonly<Record<ScrapeProtocol, string>> = {
  PrometheusProto: PROMETHEUS_PROTOBUF_CONTENT_TYPE.replaceAll(' ', ''),
  'OpenMetricsText0.0.1': 'application/openmetrics-text;version=0.0.1',
  'OpenMetricsText1.0.0': 'application/openmetrics-text;version=1.0.0',
  'PrometheusText0.0.4': 'text/plain;version=0.0.4',
  'PrometheusText1.0.0': 'text/plain;version=1.0.0',
}
/** Formats of these versions know names beyond ASCII, and how to write them when asked to. */
const WITH_ESCAPING: readonly ScrapeProtocol[] = ['OpenMetricsText1.0.0', 'PrometheusText1.0.0']
/** One more than there are protocols, so that `*` comes last with the lowest weight that is left. */
const FIRST_WEIGHT = 6

/** `application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,...`: what is preferred has the greatest weight. */
export function acceptHeader({ scrapeProtocols, metricNameEscapingScheme }: Job): string {
  const parts = scrapeProtocols.map((protocol, i) => {
    const escaping = WITH_ESCAPING.includes(protocol) ? `;escaping=${metricNameEscapingScheme}` : ''
    return `${MEDIA_TYPES[protocol]}${escaping};q=0.${FIRST_WEIGHT - i}`
  })
  parts.push(`*/*;q=0.${FIRST_WEIGHT - scrapeProtocols.length}`)
  return parts.join(',')
}

/**
 * Reads a body as its content type says. A body with a line that cannot be read is refused whole, as every scraper does: half of a target's
 * series would look like the other half's end. It is read in slices, since a body may have a million lines.
 * @throws TsinkError UNSUPPORTED when the content type is none of ours, BAD_REQUEST, TOO_LARGE
 */
export function readExposition(
  job: Job,
  contentType: string,
  body: Uint8Array,
  options: DecodeOptions & { readonly typeAndUnitLabels: boolean },
): Generator<void, Decoded, undefined> {
  const { fallbackScrapeProtocol, honorTimestamps } = job
  const { format, problem } = chooseExposition(contentType, fallbackScrapeProtocol === null ? '' : MEDIA_TYPES[fallbackScrapeProtocol])
  const histograms = {
    keepClassicHistograms: job.alwaysScrapeClassicHistograms,
    convertClassicHistograms: job.convertClassicHistogramsToNhcb,
  }
  switch (format) {
    case 'prometheus-text':
      return prometheusTextInSlices(body, { ...options, ...histograms, honorTimestamps, badLine: 'body' })
    case 'openmetrics-text':
      return openMetricsTextInSlices(body, { ...options, ...histograms, honorTimestamps })
    case 'prometheus-protobuf':
      return prometheusProtobufInSlices(body, {
        ...options,
        ...histograms,
        honorTimestamps,
        ignoreNativeHistograms: !job.scrapeNativeHistograms,
      })
    case null:
      throw new TsinkError('UNSUPPORTED', problem!)
  }
}
