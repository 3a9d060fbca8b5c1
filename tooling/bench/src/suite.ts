/**
 * What a suite of benchmarks is: a function from a size to rows of text and goals with verdicts.
 *
 * Times are taken interleaved: every round runs each contender once, in turn, and the lower quartile of the rounds is reported: machines
 * drift, and neighbours only ever slow things down. Every contender answers a checksum of what it produced, so that none can win by doing nothing.
 */
import { availableParallelism, loadavg } from 'node:os'

/** A promise of the design with what was measured. */
export interface Goal {
  readonly name: string
  readonly want: string
  readonly found: string
  readonly met: boolean
}

/** The answer of a suite. */
export interface Report {
  readonly text: string
  readonly goals: readonly Goal[]
}

/** A suite; `quick` asks for toy sizes, whose times mean nothing. `parts` names those to run of a suite that has parts; left out: all. */
export type Suite = (options: { quick: boolean; parts?: readonly string[] }) => Promise<Report>

/** One contender: does its work once and answers a checksum. */
export interface Contender {
  readonly name: string
  readonly run: () => number
}

// Until the optimising compilers, which run beside us on busy processors, have settled.
const WARM_UP_ROUNDS = 3
const WARM_UP_MS = 250

/** Runs contenders interleaved; answers the lower quartile of the milliseconds of each. All checksums must equal `checksum`. */
export function race(contenders: readonly Contender[], rounds: number, checksum: number): Map<string, number> {
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  const begin = performance.now()
  for (let warm = 0; warm < WARM_UP_ROUNDS || (rounds > 1 && performance.now() - begin < WARM_UP_MS); warm++) {
    for (const contender of contenders) timeOf(contender, checksum)
  }
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) times.get(contender.name)!.push(timeOf(contender, checksum))
  }
  return new Map([...times].map(([name, list]) => [name, list.toSorted((a, b) => a - b)[list.length >> 2]!]))
}

function timeOf({ name, run }: Contender, checksum: number): number {
  const start = performance.now()
  const sum = run()
  const time = performance.now() - start
  if (sum !== checksum) throw new Error(`${name} produced the checksum ${sum}, not ${checksum}`)
  return time
}

/** Rows of cells as text with aligned columns; the first column is left-aligned. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')).join('\n')
}

/** How busy the machine is: times under load are no promise. */
export function loadNote(): string {
  return `load average ${loadavg()[0]!.toFixed(1)} on ${availableParallelism()} processors, Node ${process.versions.node}`
}

/** The goals with their verdicts as text. */
export function verdicts(goals: readonly Goal[]): string {
  return table([['goal', 'wanted', 'found', 'verdict'], ...goals.map((g) => [g.name, g.want, g.found, g.met ? 'met' : 'MISSED'])])
}
