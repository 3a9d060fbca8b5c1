/** The engine at scale, by its own programs, each in a process of its own: very many active series, and opening after a crash and with many segments. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Goal } from './suite.ts'

type Found = Promise<{ rows: string[][]; goals: Goal[] }>

/** Very many active series: memory and stalls. */
export async function active(quick: boolean): Found {
  const text = run('million.ts', quick ? ['4000'] : ['1000000'])
  return {
    rows: linesOf('very many active series', text),
    goals: [
      goal('resident memory an active series after ten scrapes', numberIn(text, /^scrape 10 .*rss (\d+) B/m), 1_000, 'bytes'),
      // Judged by the time on a processor, since others may hold the machine; the time on the wall is in the rows.
      ...['first scrape', 'scrape 10', 'flush', 'forget', 'scrape during flush', 'compact'].map((when) =>
        goal(`longest stall of the event loop, ${when}`, numberIn(text, new RegExp(`^${when} .*of processor (\\d+) ms`, 'm')), 50, 'ms'),
      ),
    ],
  }
}

/** How long opening takes, after a kill and with very many segments. */
export async function opening(quick: boolean): Found {
  const text = run('open.ts', quick ? ['40000', '10'] : ['20000000', '1000'])
  return {
    rows: linesOf('opening', text),
    goals: [
      goal('open after a kill with the log full', numberIn(text, /^open after a kill .*: ([\d.]+) s/m), 10, 's'),
      goal('open with very many segments, their indexes in memory', numberIn(text, /^open with \d+ segments, .*: (\d+) ms/m), 1_000, 'ms'),
      goal('open with very many segments', numberIn(text, /^open with \d+ segments: (\d+) ms/m), 1_000, 'ms'),
    ],
  }
}

function linesOf(title: string, text: string): string[][] {
  return [title, ...text.trim().split('\n')].map((line) => [line])
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? Number.NaN)
}

function goal(name: string, found: number, most: number, unit: string): Goal {
  return { name, want: `<= ${most} ${unit}`, found: `${found} ${unit}`, met: found <= most }
}

function run(program: string, args: readonly string[]): string {
  const file = fileURLToPath(new URL(`../../../packages/engine/bench/${program}`, import.meta.url))
  return execFileSync(process.execPath, ['--expose-gc', '--conditions=@tsink/source', file, ...args], {
    encoding: 'utf8',
    timeout: 1_200_000,
  })
}
