/**
 * Samples as text: `/federate` for other Prometheus servers, and dumps. Families come in order of their names, one TYPE line each; every
 * sample has its time.
 */
import { compareStrings, isLegacyLabelName, isLegacyMetricName, METRIC_NAME, type Labels, type VectorSample } from '@tsink/core'
import { printShortest } from '../decimal.ts'

/** An instant vector as the text format has it, in pieces. Native histograms are left out, since text has no place for them. */
export function* encodeFederation(samples: readonly VectorSample[]): Generator<string, void, undefined> {
  const sorted = samples.filter((sample) => sample.histogram === null && sample.labels.metric !== '')
  sorted.sort((a, b) => compareStrings(a.labels.metric, b.labels.metric) || a.labels.compare(b.labels))
  let family: string | null = null
  let text = ''
  for (const { labels, timestamp, value } of sorted) {
    if (labels.metric !== family) {
      family = labels.metric
      text += `# TYPE ${printName(family)} untyped\n`
    }
    text += `${printSeries(labels, labels.has('instance') ? [] : NO_INSTANCE)} ${printShortest(value)} ${timestamp}\n`
    if (text.length < 65_536) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

// A scraper that honours our labels would else take us for the instance of what has none.
const NO_INSTANCE: readonly string[] = ['instance=""']

/** A series as the text formats write it: `name{label="value"}`, or all in braces where the name needs quotes, with `more` pairs behind. */
export function printSeries(labels: Labels, more: readonly string[] = []): string {
  const name = labels.metric
  const isBare = isLegacyMetricName(name)
  const parts = isBare || name === '' ? [] : [quote(name)]
  for (const [label, value] of labels) {
    if (label !== METRIC_NAME) parts.push(`${isLegacyLabelName(label) ? label : quote(label)}=${quote(value)}`)
  }
  parts.push(...more)
  if (parts.length === 0) return name
  return `${isBare ? name : ''}{${parts.join(',')}}`
}

/** A metric name in a comment line, in quotes where it needs them. */
export function printName(name: string): string {
  return isLegacyMetricName(name) ? name : quote(name)
}

function quote(text: string): string {
  return `"${text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}"`
}
