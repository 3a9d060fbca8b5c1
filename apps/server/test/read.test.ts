/** Remote read against exchanges recorded from a real Prometheus. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { snappyDecode } from '@tsink/kernel'
import { decodeReadResponse, decodeReadStream, type ReadSeries } from '@tsink/protocols'
import { corpus } from '@tsink/testing'
import type { RunningServer } from '@tsink/server'
import { loadDemo, loadEdgeCases } from './demo.ts'
import { start } from './harness.ts'

interface Exchange {
  readonly name: string
  readonly requestSnappyBase64: string
  readonly status: number
  readonly contentType: string
  readonly responseProtoBase64?: string
  readonly responseRawBase64?: string
}

const read = corpus('remote-read')
const api = corpus('http-api')
const demo = corpus('promql-compliance')
const absent = read.skip ?? api.skip ?? demo.skip

describe.skipIf(absent !== null)(`remote read${absent === null ? '' : ` (${absent})`}`, () => {
  let server: RunningServer
  const exchanges =
    absent === null
      ? readFileSync(join(read.path!, 'remote_read.jsonl'), 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Exchange)
      : []

  beforeAll(async () => {
    server = await start()
    await loadEdgeCases(server.url, api.path!)
    await loadDemo(server.url, demo.path!)
  })
  afterAll(() => server.stop())

  for (const exchange of exchanges) {
    test(`answers as recorded: ${exchange.name}`, async () => {
      const response = await fetch(`${server.url}/api/v1/read`, {
        method: 'POST',
        headers: { 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf', 'x-prometheus-remote-read-version': '0.1.0' },
        body: Buffer.from(exchange.requestSnappyBase64, 'base64') as BodyInit,
      })
      const body = new Uint8Array(await response.arrayBuffer())
      if (exchange.status !== 200) {
        // The reference calls a bad expression its own fault (500); it is the reader's.
        expect(response.status).toBe(400)
        return
      }
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe(exchange.contentType)
      if (exchange.responseProtoBase64 !== undefined) {
        const want = decodeReadResponse(Buffer.from(exchange.responseProtoBase64, 'base64'))
        expect(plain(decodeReadResponse(snappyDecode(body, 1 << 24)))).toEqual(plain(want))
      } else {
        const want = [...decodeReadStream(Buffer.from(exchange.responseRawBase64!, 'base64'))]
        expect(plain([...decodeReadStream(body)])).toEqual(plain(want))
      }
    })
  }
})

/** Series as plain values in order of labels, the frames of one series joined: neither order nor frames are part of the answer. */
function plain(list: readonly ReadSeries[]): unknown {
  const joined = new Map<string, unknown[]>()
  for (const { labels, samples } of list) {
    const key = labels.toString()
    const into = joined.get(key) ?? []
    joined.set(key, into)
    for (let i = 0; i < samples.count; i++) {
      const histogram = samples.histograms?.[i]
      into.push([samples.timestamps[i]!, histogram ?? samples.values[i]!])
    }
  }
  return [...joined].toSorted(([a], [b]) => (a < b ? -1 : 1))
}
