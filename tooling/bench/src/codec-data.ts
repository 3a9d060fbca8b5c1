/**
 * The columns that the codecs are measured on: seeded, so that every run and every machine sees the same numbers.
 *
 * `mix` stands for what one node_exporter target sends: many constants and idle counters, CPU seconds with two decimals, memory sizes in
 * pages, byte counters, loads, temperatures, and a few averages at full precision.
 */

/** A shape with its columns, one array a chunk. */
export interface Shape {
  readonly name: string
  readonly columns: readonly Float64Array[]
}

/** How many samples a full chunk has. */
export const CHUNK_SAMPLES = 2_048

/** A small seeded generator (xorshift32): numbers in [0, 1), and normally distributed ones. */
export class Dice {
  private state: number

  constructor(seed: number) {
    this.state = seed | 1
  }

  next(): number {
    this.state ^= this.state << 13
    this.state ^= this.state >>> 17
    this.state ^= this.state << 5
    return (this.state >>> 0) / 4_294_967_296
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next())
  }
}

/** Value columns. */
export function valueShapes(chunks: number): Shape[] {
  return [
    shape('gauge, 2 decimals', chunks, gauge),
    shape('counter, jitter', chunks, counter),
    shape('constant', chunks, constant),
    shape('full entropy', chunks, entropy),
    mix(chunks),
  ]
}

/** Timestamp columns. */
export function timestampShapes(chunks: number): Shape[] {
  return [
    shape('ms, regular', chunks, (dice, out) => times(out, 15_000, () => 0, dice)),
    shape('ms, jittered', chunks, (dice, out) => times(out, 15_000, () => (dice.next() < 0.3 ? Math.round(dice.next() * 6 - 3) : 0), dice)),
    shape('ms, scrapes', chunks, scrapes),
    shape('ns, jittered', chunks, (dice, out) => times(out, 1e9, () => Math.round((dice.next() - 0.5) * 1e5), dice)),
  ]
}

/** The mix of a node_exporter target: one column in the proportions of its kinds of series. */
export function mix(chunks: number): Shape {
  const kinds: [share: number, fill: Fill][] = [
    [0.35, constant],
    [0.1, idleCounter],
    [0.15, cpuSeconds],
    [0.15, memoryBytes],
    [0.1, byteCounter],
    [0.05, load],
    [0.05, temperature],
    [0.05, entropy],
  ]
  const columns: Float64Array[] = []
  for (let chunk = 0; chunk < chunks; chunk++) {
    let place = (chunk + 0.5) / chunks
    const [, fill] = kinds.find(([share]) => (place -= share) < 0) ?? kinds.at(-1)!
    const column = new Float64Array(CHUNK_SAMPLES)
    fill(new Dice(chunk * 7_919 + 17), column)
    columns.push(column)
  }
  return { name: 'node_exporter mix', columns }
}

/** Scrape times: aligned to 15 s, 1 % off by a millisecond, 0.2 % missed. */
export function scrapes(dice: Dice, out: Float64Array): void {
  let time = 1_700_000_000_000 + Math.floor(dice.next() * 15_000)
  for (let i = 0; i < out.length; i++) {
    out[i] = time + (dice.next() < 0.01 ? 1 : 0)
    time += dice.next() < 0.002 ? 30_000 : 15_000
  }
}

type Fill = (dice: Dice, out: Float64Array) => void

function shape(name: string, chunks: number, fill: Fill): Shape {
  return {
    name,
    columns: Array.from({ length: chunks }, (_, chunk) => {
      const column = new Float64Array(CHUNK_SAMPLES)
      fill(new Dice(chunk * 104_729 + 31), column)
      return column
    }),
  }
}

function times(out: Float64Array, step: number, jitter: () => number, dice: Dice): void {
  const start = (step === 1e9 ? 0 : 1_700_000_000_000) + Math.floor(dice.next() * step)
  for (let i = 0; i < out.length; i++) out[i] = start + i * step + jitter()
}

function walk(dice: Dice, out: Float64Array, start: number, sigma: number, round: (value: number) => number): void {
  let value = start
  for (let i = 0; i < out.length; i++) {
    value += dice.normal() * sigma
    out[i] = round(value)
  }
}

function accumulate(
  out: Float64Array,
  start: number,
  increment: (i: number) => number,
  round: (value: number) => number = Math.round,
): void {
  let value = start
  for (let i = 0; i < out.length; i++) {
    value += increment(i)
    out[i] = round(value)
  }
}

const twoDecimals = (value: number): number => Math.round(value * 100) / 100

function gauge(dice: Dice, out: Float64Array): void {
  walk(dice, out, 20 + dice.next() * 60, 0.25, twoDecimals)
}

function counter(dice: Dice, out: Float64Array): void {
  const mean = 100 + dice.next() * 4_000
  accumulate(out, Math.floor(dice.next() * 1e6), () => Math.round(mean * (0.9 + 0.2 * dice.next())))
}

function constant(dice: Dice, out: Float64Array): void {
  out.fill(Math.floor(dice.next() * 1e6))
}

function entropy(dice: Dice, out: Float64Array): void {
  walk(dice, out, 50 + dice.next() * 50, 0.5, (value) => value)
}

function idleCounter(dice: Dice, out: Float64Array): void {
  accumulate(out, Math.floor(dice.next() * 1e5), () => (dice.next() < 0.01 ? 1 + Math.floor(dice.next() * 3) : 0))
}

function cpuSeconds(dice: Dice, out: Float64Array): void {
  const usage = dice.next() * 3
  accumulate(out, dice.next() * 1e5, () => Math.max(0, usage * (1 + 0.3 * dice.normal())), twoDecimals)
}

function memoryBytes(dice: Dice, out: Float64Array): void {
  walk(dice, out, 1e5 + dice.next() * 1e6, 40, (value) => Math.round(value) * 4_096)
}

function byteCounter(dice: Dice, out: Float64Array): void {
  const mean = 1e4 + dice.next() * 1e6
  accumulate(out, Math.floor(dice.next() * 1e9), () => Math.max(0, mean * (1 + 0.4 * dice.normal())))
}

function load(dice: Dice, out: Float64Array): void {
  walk(dice, out, 1 + dice.next() * 3, 0.05, (value) => Math.abs(twoDecimals(value)))
}

function temperature(dice: Dice, out: Float64Array): void {
  walk(dice, out, 45 + dice.next() * 20, 0.4, (value) => Math.round(value * 2) / 2)
}
