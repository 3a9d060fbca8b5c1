/**
 * Postings beside roaring-wasm on the same sets, results read out: the reason for the shapes in postings.ts. Run with
 * `node --conditions=@tsink/source packages/postings/test/postings.bench.ts`.
 */
import { RoaringBitmap32 } from 'roaring-wasm'
import { Postings } from '@tsink/postings'

const SETS: readonly [name: string, count: number, step: number][] = [
  ['dense: every 2nd of 200,000', 100_000, 2],
  ['medium: every 20th of 2,000,000', 100_000, 20],
  ['sparse: every 1,000th of 2,000,000', 2_000, 1_000],
]

for (const [name, count, step] of SETS) {
  const a = Uint32Array.from({ length: count }, (_, i) => i * step)
  const b = Uint32Array.from({ length: count }, (_, i) => i * step + (i % 2 === 0 ? 0 : 1))
  const [x, y] = [Postings.fromSorted(a), Postings.fromSorted(b)]
  const [r, s] = [new RoaringBitmap32(a), new RoaringBitmap32(b)]
  const ours = { intersect: time(() => x.intersect(y).size), union: time(() => x.union(y).size), subtract: time(() => x.subtract(y).size) }
  const theirs = {
    intersect: time(() => sizeOf(RoaringBitmap32.and(r, s))),
    union: time(() => sizeOf(RoaringBitmap32.or(r, s))),
    subtract: time(() => sizeOf(RoaringBitmap32.andNot(r, s))),
  }
  for (const operation of ['intersect', 'union', 'subtract'] as const) {
    const [mine, checksum] = ours[operation]
    const [roaring, expected] = theirs[operation]
    if (checksum !== expected) throw new Error(`${name}, ${operation}: ${checksum} is not ${expected}`)
    console.log(
      `${name.padEnd(36)} ${operation.padEnd(10)} ours ${mine.toFixed(1).padStart(7)} µs   roaring-wasm ${roaring.toFixed(1).padStart(7)} µs   ${(roaring / mine).toFixed(1)} times`,
    )
  }
  r.dispose()
  s.dispose()
}

function sizeOf(bitmap: RoaringBitmap32): number {
  const size = bitmap.toUint32Array().length
  bitmap.dispose()
  return size
}

/** Microseconds of a run, best of twenty rounds. */
function time(run: () => number): [micros: number, result: number] {
  let best = Infinity
  let result = 0
  for (let round = 0; round < 20; round++) {
    const start = performance.now()
    for (let i = 0; i < 100; i++) result = run()
    best = Math.min(best, ((performance.now() - start) * 1_000) / 100)
  }
  return [best, result]
}
