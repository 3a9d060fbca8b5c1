/**
 * tsink's own bytes-per-point workload, quick profile, after its published description: gauges (i64), counters (u64), sparse and short-lived
 * series (i64) and blobs, one sample each 10 s, a quarter of the rows delayed by up to 30 draws. Everything below the directory after closing
 * counts.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open, type Row } from 'tsink'
import { bytesIn } from './engine-embedded.ts'
import type { Goal } from './suite.ts'

const STEP = 10
const BATCH = 2_048

type Family = 'gauge' | 'counter' | 'sparse' | 'short_lived' | 'blob'
/** Share of the series, and of the draws. */
const SHARES: readonly [Family, number][] = [
  ['gauge', 0.6],
  ['counter', 0.2],
  ['sparse', 0.1],
  ['short_lived', 0.05],
  ['blob', 0.05],
]
/** A draw of a sparse series gives a sample only so often. */
const SPARSE = 0.12

export async function bytesPerPoint(quick: boolean): Promise<{ rows: string[][]; goals: Goal[] }> {
  const series = quick ? 100 : 1_000
  const total = series * (quick ? 200 : 4_096)
  const dir = mkdtempSync(join(tmpdir(), 'tsink-bench-'))
  try {
    const db = await open({ path: dir, precision: 's', partition: '1d', retention: '7d', sync: 'periodic' })
    const base = Math.floor(Date.now() / 1_000) - 3_600
    const random = xorShift(0xc0de_c0de)
    const families = familiesOf(series)
    const steps = new Float64Array(series)
    const counters = new Float64Array(series)
    const late: { due: number; row: Row }[] = []
    let batch: Row[] = []
    let accepted = 0
    const send = async (row: Row): Promise<void> => {
      batch.push(row)
      if (batch.length < BATCH) return
      const result = await db.insertRows(batch)
      if (result.rejected > 0) throw new Error(result.rejections[0]!.message)
      accepted += result.accepted
      batch = []
    }
    const start = performance.now()
    for (let draw = 0, made = 0; made < total; draw++) {
      while (late.length > 0 && late[0]!.due <= draw) await send(late.shift()!.row)
      // The first draws prime every series with one sample.
      const slot = draw < series ? draw : pick(families, random)
      const family = families.of[slot]!
      if (draw >= series && family === 'sparse' && random() >= SPARSE) continue
      made++
      const step = steps[slot]!
      steps[slot]!++
      if (family === 'counter') counters[slot] = random() < 1 / 10_000 ? 0 : counters[slot]! + 1
      const row = rowOf(family, slot, step, base, counters[slot]!, random)
      if (random() < 0.25) {
        late.push({ due: draw + Math.floor(random() * 31), row })
        late.sort((a, b) => a.due - b.due)
      } else await send(row)
    }
    for (const { row } of late) await send(row)
    accepted += (await db.insertRows(batch)).accepted
    const ms = performance.now() - start
    await db.close()
    const bytes = bytesIn(dir)
    if (accepted !== total) throw new Error(`${accepted} of ${total} samples were accepted`)
    const each = bytes / total
    return {
      rows: [
        ["tsink's bytes-per-point workload", 'samples', 'bytes', 'B/sample', 'M rows/s'],
        [`${series} series`, String(total), String(bytes), each.toFixed(3), (total / ms / 1_000).toFixed(2)],
      ],
      goals: [{ name: "bytes a sample of tsink's own workload", want: '<= 0.20', found: each.toFixed(3), met: each <= 0.2 }],
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

interface Families {
  readonly of: readonly Family[]
  readonly slots: ReadonlyMap<Family, readonly number[]>
}

function familiesOf(series: number): Families {
  const of: Family[] = []
  const slots = new Map<Family, number[]>()
  let bound = 0
  for (const [family, share] of SHARES) {
    bound += share
    const own: number[] = []
    while (of.length < Math.round(bound * series)) {
      own.push(of.length)
      of.push(family)
    }
    slots.set(family, own)
  }
  return { of, slots }
}

function pick({ slots }: Families, random: () => number): number {
  let chance = random()
  for (const [family, share] of SHARES) {
    const own = slots.get(family)!
    if (chance < share && own.length > 0) return own[Math.floor(random() * own.length)]!
    chance -= share
  }
  return 0
}

function rowOf(family: Family, slot: number, step: number, base: number, counter: number, random: () => number): Row {
  const labels: Record<string, string> = { tenant: `t${slot % 4_096}`, host: `h${slot % 65_536}`, series: `s${slot}`, run: 'r0' }
  const timestamp = base + step * STEP
  const metric = `suite_${family}`
  switch (family) {
    case 'gauge':
      return { metric, labels, timestamp, value: BigInt((slot % 10_000) + Math.floor(step / 4_096)) }
    case 'counter':
      return { metric, labels, timestamp, value: BigInt(counter), kind: 'u64' }
    case 'sparse':
      return { metric, labels, timestamp, value: BigInt(Math.floor(random() * 8)) }
    case 'short_lived':
      return { metric, labels: { ...labels, gen: `g${Math.floor(step / 512)}` }, timestamp, value: BigInt((step % 16) + (slot % 17)) }
    case 'blob':
      return { metric, labels: { ...labels, lane: 'blob' }, timestamp, value: WORDS[slot % WORDS.length]! }
  }
}

const WORDS = ['alpha', 'bravo', 'charlie', 'delta', 'echo', 'foxtrot', 'golf', 'hotel'].map((word) => new TextEncoder().encode(word))

/** 32-bit xorshift, from 0 up to 1. */
function xorShift(seed: number): () => number {
  let state = seed | 0
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
