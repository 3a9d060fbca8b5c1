/**
 * Bytes a sample on disk, everything counted, on the workload by which tsink (the Rust database) measures itself: 1,000 series by draw (60 % gauges
 * that stand still, 20 % counters, 10 % sparse, 5 % short-lived, 5 % texts), 4,096,000 draws, 10 s steps in seconds, partitions of a day.
 * Run: node --conditions=@tsink/source packages/engine/bench/bytes.ts [draws]
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BatchBuilder, Labels } from '@tsink/core'
import { nodeHost } from '@tsink/host/node'
import { Engine } from '@tsink/engine'

const SERIES = 1_000
const DRAWS = Number(process.argv[2] ?? 4_096_000)
const BATCH = 2_048
const WORDS = ['alpha', 'bravo', 'charlie', 'delta', 'echo', 'foxtrot', 'golf', 'hotel']

let state = 0x9e37_79b9
function draw(below: number): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % below
}

const path = mkdtempSync(join(tmpdir(), 'tsink-bytes-'))
const engine = await Engine.open(nodeHost(path), { unit: 's', sync: 'periodic', partitionMs: 86_400_000 })
const steps = new Uint32Array(SERIES)
const counters = new Float64Array(SERIES)
const base = 1_700_000_000

function labelsOf(kind: string, slot: number, extra: Record<string, string> = {}): Labels {
  return Labels.of({
    __name__: `suite_${kind}`,
    tenant: `t${slot % 4096}`,
    host: `h${slot % 65536}`,
    series: `s${slot}`,
    run: 'r0',
    ...extra,
  })
}

let accepted = 0
const start = performance.now()
for (let done = 0; done < DRAWS; done += BATCH) {
  const batch = new BatchBuilder()
  for (let i = 0; i < BATCH; i++) {
    const slot = draw(SERIES)
    const share = (slot * 100) / SERIES
    // A sparse series emits at 12 of 100 draws.
    if (share >= 80 && share < 90 && draw(100) >= 12) continue
    const step = steps[slot]!++
    const time = base + step * 10
    if (share < 60) batch.add('i64', batch.slot(labelsOf('gauge', slot)), time, BigInt((slot % 10_000) + Math.floor(step / 4_096)))
    else if (share < 80) {
      counters[slot] = draw(10_000) === 0 ? 0 : counters[slot]! + 1
      batch.add('u64', batch.slot(labelsOf('counter', slot)), time, BigInt(counters[slot]!))
    } else if (share < 90) batch.add('i64', batch.slot(labelsOf('sparse', slot)), time, BigInt(draw(8)))
    else if (share < 95) {
      const labels = labelsOf('short_lived', slot, { gen: String(Math.floor(step / 512)) })
      batch.add('i64', batch.slot(labels), time, BigInt((step % 16) + (slot % 17)))
    } else batch.add('string', batch.slot(labelsOf('blob', slot, { lane: 'blob' })), time, WORDS[slot % 8]!)
  }
  accepted += (await engine.append(batch.build())).accepted
}
await engine.flush()
await engine.compact()
const { segments } = engine.stats()
await engine.close()
const bytes = sizeOf(path)
console.log(
  `${accepted} samples in ${((performance.now() - start) / 1e3).toFixed(1)} s, ${segments.length} segments, ${bytes} bytes in all files: ` +
    `${(bytes / accepted).toFixed(4)} B/sample (goal 0.20, tsink claims 0.68) ${bytes / accepted <= 0.2 ? 'met' : 'MISSED'}`,
)
rmSync(path, { recursive: true })

function sizeOf(directory: string): number {
  let bytes = 0
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const child = join(directory, entry.name)
    bytes += entry.isDirectory() ? sizeOf(child) : statSync(child).size
  }
  return bytes
}
