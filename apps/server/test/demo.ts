/**
 * The corpus's data set, sent into a server as a Prometheus would: the remote-write body of edge cases, then the demo service's series.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { STALE } from '@tsink/core'
import { encodeRemoteWrite, REMOTE_WRITE_HEADERS, type SentSeries } from '@tsink/testing'

interface Demo {
  readonly scrapes: Readonly<Record<string, readonly number[]>>
  readonly series: readonly {
    readonly labels: Readonly<Record<string, string>>
    readonly scrape: string
    readonly values: readonly (number | 'stale' | null)[]
  }[]
}

export async function loadEdgeCases(url: string, folder: string): Promise<void> {
  const edge = JSON.parse(readFileSync(join(folder, 'edge-remote-write.json'), 'utf8')) as {
    rw2: { contentType: string; snappyBase64: string }
  }
  await post(url, Buffer.from(edge.rw2.snappyBase64, 'base64'), { 'content-type': edge.rw2.contentType, 'content-encoding': 'snappy' })
}

export async function loadDemo(url: string, folder: string): Promise<void> {
  const demo = JSON.parse(readFileSync(join(folder, 'demo-dataset.json'), 'utf8')) as Demo
  const series = demo.series.map(({ labels, scrape, values }): SentSeries => {
    const kept = values.flatMap((value, i) => (value === null ? [] : [{ value, timestamp: demo.scrapes[scrape]![i]! }]))
    const floats = new Float64Array(kept.length)
    for (const [i, { value }] of kept.entries()) floats.set(value === 'stale' ? STALE : [value as number], i)
    return {
      labels: Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)),
      timestamps: kept.map(({ timestamp }) => timestamp),
      values: floats,
    }
  })
  for (let i = 0; i < series.length; i += 20) await post(url, encodeRemoteWrite(series.slice(i, i + 20)), REMOTE_WRITE_HEADERS)
}

async function post(url: string, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<void> {
  const response = await fetch(`${url}/api/v1/write`, { method: 'POST', headers, body: body as BodyInit })
  if (response.status !== 204) throw new Error(`a write got ${response.status}: ${await response.text()}`)
}
