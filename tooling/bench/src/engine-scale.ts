/** The engine at scale, by its own programs, each in a process of its own: very many active series, and opening after a crash and with many segments. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Goal } from './suite.ts'

export async function scale(quick: boolean): Promise<{ rows: string[][]; goals: Goal[] }> {
  const active = run('million.ts', quick ? ['4000'] : ['1000000'])
  const opening = run('open.ts', quick ? ['40000', '10'] : ['20000000', '1000'])
  const number = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN)
  const goal = (name: string, found: number, most: number, unit: string): Goal => ({
    name,
    want: `<= ${most} ${unit}`,
    found: `${found} ${unit}`,
    met: found <= most,
  })
  return {
    rows: [
      ['at scale'],
      ...[active, opening].flatMap((text) =>
        text
          .trim()
          .split('\n')
          .map((line) => [line]),
      ),
    ],
    goals: [
      goal('resident memory an active series after ten scrapes', number(active, /^scrape 10 .*rss (\d+) B/m), 1_000, 'bytes'),
      goal('longest stall of the event loop in a scrape', number(active, /^scrape 10 .*longest stall (\d+) ms/m), 50, 'ms'),
      goal('open after a kill with the log full', number(opening, /^open after a kill .*: ([\d.]+) s/m), 10, 's'),
      goal('open with very many segments', number(opening, /^open with \d+ segments: (\d+) ms/m), 1_000, 'ms'),
    ],
  }
}

function run(program: string, args: readonly string[]): string {
  const file = fileURLToPath(new URL(`../../../packages/engine/bench/${program}`, import.meta.url))
  return execFileSync(process.execPath, ['--expose-gc', '--conditions=@tsink/source', file, ...args], {
    encoding: 'utf8',
    timeout: 1_200_000,
  })
}
