/** Series as JSON lines. What has no number in JSON is written as `null` (NaN, stale markers) or as a string (infinities). */
import type { Labels, SampleBuffer } from '@tsink/core'
import { encodeMetric } from '../prometheus-json/encode.ts'
import { VM_JSON_LIMITS } from './limits.ts'

/** The lines of one series; a long one comes in several. Native histograms, strings and bytes are left out: the format has no place for them. */
export function* encodeJsonLines(labels: Labels, samples: SampleBuffer): Generator<string, void, undefined> {
  if (samples.blobs !== null) return
  const metric = encodeMetric(labels)
  let values = ''
  let timestamps = ''
  let count = 0
  const line = (): string => `{"metric":${metric},"values":[${values}],"timestamps":[${timestamps}]}\n`
  for (let i = 0; i < samples.count; i++) {
    if (samples.histograms?.[i] !== undefined) continue
    const comma = count === 0 ? '' : ','
    values += comma + printJson(samples.values[i]!)
    timestamps += `${comma}${samples.base + samples.timestamps[i]!}`
    if (++count < VM_JSON_LIMITS.lineSamples) continue
    yield line()
    values = ''
    timestamps = ''
    count = 0
  }
  if (count > 0) yield line()
}

function printJson(value: number): string {
  if (value === Infinity) return '"Infinity"'
  if (value === -Infinity) return '"-Infinity"'
  return value === value ? (Object.is(value, -0) ? '-0' : String(value)) : 'null'
}
