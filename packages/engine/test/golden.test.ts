/**
 * The bytes of version 1, frozen: the log of a small store as it was written once. It must come out byte for byte the same, and the old one must
 * open for ever. TSINK_GOLDEN=write makes the file anew, for a new version.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { BatchBuilder, histogram, Labels, Matcher } from '@tsink/core'
import { memoryHost, type MemoryHost } from '@tsink/host/memory'
import { Engine } from '@tsink/engine'
import { selectAll } from '@tsink/testing'

const GOLDEN = join(import.meta.dirname, 'golden/store-v1.json')
const OPTIONS = { background: false, flushOnClose: false, chunkSamples: 8, partitionMs: 1_000 } as const
const named = (name: string): Labels => Labels.of({ __name__: name, job: 'golden', 'ütf.8': 'grün' })

async function makeStore(host: MemoryHost): Promise<void> {
  const engine = await Engine.open(host, OPTIONS)
  const first = new BatchBuilder()
  const slot = first.slot(named('float'))
  for (let i = 0; i < 20; i++) first.float(slot, 1_000 + i * 100, i * 0.5)
  first.metadata({ metric: 'float', type: 'gauge', help: 'A number', unit: 'seconds' })
  first.exemplar({ slot, labels: Labels.of({ trace_id: 'abc' }), timestamp: 1_100, value: 0.5 })
  await engine.append(first.build())
  await engine.delete({ selectors: [[Matcher.metric('float'), new Matcher('=~', 'job', 'gold.*')]], minTime: 1_200, maxTime: 1_400 })
  const second = new BatchBuilder()
  second.add('f64', second.slot(named('float')), 5_000, -0, 4_000)
  second.stale(second.slot(named('float')), 5_001)
  second.add('i64', second.slot(named('integer')), 5_000, -(2n ** 63n))
  second.add('u64', second.slot(named('unsigned')), 5_000, 2n ** 64n - 1n)
  second.add('bool', second.slot(named('bool')), 5_000, 1)
  second.add('string', second.slot(named('string')), 5_000, 'blau')
  second.add('bytes', second.slot(named('bytes')), 5_000, Uint8Array.of(0, 255))
  const buckets = { positiveSpans: [{ offset: -1, length: 2 }], positiveBuckets: Float64Array.of(1, 2) }
  second.add('histogram', second.slot(named('histogram')), 5_000, histogram({ schema: 3, count: 3, sum: 1.5, isInteger: true, ...buckets }))
  await engine.append(second.build())
  const { sequence } = await engine.delete({ selectors: [[Matcher.metric('bool')]] })
  await engine.undelete(sequence)
  await engine.close()
}

async function filesOf(host: MemoryHost, dir = ''): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const { name, isDirectory } of await host.disk.list(dir)) {
    const path = dir === '' ? name : `${dir}/${name}`
    if (isDirectory) Object.assign(files, await filesOf(host, path))
    else if (name !== 'lock' && name !== 'reserve') files[path] = Buffer.from(host.disk.peek(path)).toString('hex')
  }
  return files
}

async function checkStore(host: MemoryHost): Promise<void> {
  const engine = await Engine.open(host, OPTIONS)
  const found = await selectAll(engine, { matchers: [Matcher.equal('job', 'golden')] })
  const of = (name: string): [number, number][] => Object.entries(found).find(([labels]) => labels.startsWith(`${name}{`))![1]
  expect(of('float').map(([time]) => time)).toEqual([1_000, 1_100, ...Array.from({ length: 15 }, (_, i) => 1_500 + i * 100), 5_000, 5_001])
  expect(of('bool')).toEqual([[5_000, 1]])
  expect(of('histogram')).toEqual([[5_000, 1.5]])
  expect(of('integer')).toEqual([[5_000, Number(-(2n ** 63n))]])
  expect(Object.keys(found)).toHaveLength(7)
  expect((await engine.metricMetadata({})).get('float')![0]!.unit).toBe('seconds')
  expect((await engine.exemplars({ selectors: [], minTime: 0, maxTime: 9_000 }))[0]!.exemplars[0]!.labels.get('trace_id')).toBe('abc')
  expect((await engine.verify()).problems).toEqual([])
  await engine.close()
}

it('writes and reads version 1 as it was', async () => {
  const host = memoryHost({ seed: 1 })
  await makeStore(host)
  // Segments and the catalog have golden files of their own.
  const files = Object.fromEntries(Object.entries(await filesOf(host)).filter(([path]) => path.startsWith('log/')))
  if (process.env['TSINK_GOLDEN'] === 'write') writeFileSync(GOLDEN, `${JSON.stringify(files, null, 2)}\n`)
  const golden = JSON.parse(readFileSync(GOLDEN, 'utf8')) as Record<string, string>
  expect(files).toEqual(golden)
  await checkStore(host)
  const old = memoryHost()
  for (const [path, hex] of Object.entries(golden)) old.disk.poke(path, Uint8Array.from(Buffer.from(hex, 'hex')))
  // A log without its catalog.
  expect(await Engine.repair(old)).toMatchObject({ catalog: 'rebuilt', deletesLost: false })
  await checkStore(old)
})
