/** What readers read: two series of floats whose every sample is known, and a native histogram, written some minutes ago. */
import type { Stored } from '../answer.ts'
import type { Stage } from '../stage.ts'

export interface Seed {
  /** The two series of floats, with their times. */
  readonly floats: Stored
  /** Seconds: the first sample, the last one, and their distance. */
  readonly start: number
  readonly end: number
  readonly step: number
}

const SAMPLES = 200
const STEP = 15

/** Writes `<name>{room="a"}`, `<name>{room="b \"c\""}` and the native histogram `<name>_size`. */
export async function seed(stage: Stage, name: string): Promise<Seed> {
  const end = Math.floor(Date.now() / 1_000) - 60
  const start = end - (SAMPLES - 1) * STEP
  const series = ['a', 'b "c"'].map((room, n) => {
    const times = Array.from({ length: SAMPLES }, (_, i) => start + i * STEP + n / 8)
    // Up to 9 significant digits, so that a reader that stores decimals has them all.
    const values = times.map((_, i) => (n === 0 ? i * 0.125 : -1_000_000 + i * i * 0.01))
    return { metric: { __name__: name, room }, times, values: values.map((value) => Number(value.toPrecision(9))) }
  })
  const lines = series.map(({ metric, times, values }) => JSON.stringify({ metric, values, timestamps: times.map((time) => time * 1_000) }))
  await post(`${stage.url}/api/v1/import`, lines.join('\n'), 'application/json')
  await post(`${stage.url}/v1/metrics`, JSON.stringify(histogram(`${name}_size`, start)), 'application/json')
  const floats = series.map(({ metric: { room }, times, values }) => {
    return [`${name}{room=${JSON.stringify(room)}}`, values.map((value, i) => `${value}@${times[i]}`).join(' ')] as const
  })
  return { floats: Object.fromEntries(floats), start, end, step: STEP }
}

/** OTLP: an exponential histogram that grows, is reset, and gets buckets on both sides of zero. */
function histogram(name: string, start: number): object {
  const point = (i: number, begin: number, counts: readonly number[], negative: readonly number[]): object => ({
    startTimeUnixNano: `${begin}000000000`,
    timeUnixNano: `${start + i * STEP}000000000`,
    count: String([...counts, ...negative].reduce((a, b) => a + b, 1)),
    sum: i * 1.5,
    scale: 1,
    zeroCount: '1',
    positive: { offset: -1, bucketCounts: counts.map(String) },
    negative: { offset: 2, bucketCounts: negative.map(String) },
  })
  const dataPoints = [
    point(0, start - 1, [1, 2, 0, 4], []),
    point(1, start - 1, [1, 3, 0, 5, 6], []),
    point(2, start - 1, [2, 3, 0, 5, 7], [3, 1]),
    point(3, start + 40, [0, 1], []),
    point(4, start + 40, [1, 1, 1], [1]),
  ]
  const metrics = [{ name, exponentialHistogram: { aggregationTemporality: 2, dataPoints } }]
  return { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }
}

async function post(url: string, body: string, contentType: string): Promise<void> {
  const response = await fetch(url, { method: 'POST', body, headers: { 'content-type': contentType } })
  const text = await response.text()
  if (!response.ok || text.includes('partialSuccess')) throw new Error(`${url} answered ${response.status}: ${text}`)
}
