/** DuckDB reading our Parquet export, as a file. */
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { stored, unlike, type Stored } from '../answer.ts'
import type { Part } from '../part.ts'
import { findLibrary } from '../programs.ts'
import { seed } from './seed.ts'

const LIBRARY = '@duckdb/node-api'

type Row = Readonly<Record<string, string | number | null>>

/** What is used of the library, which has 70 MB and so is no dependency. */
interface DuckDb {
  readonly DuckDBConnection: {
    create(): Promise<{
      runAndReadAll(sql: string): Promise<{ getRowObjectsJson(): readonly Row[] }>
      closeSync(): void
    }>
  }
}

export const duckdb: Part = {
  name: 'duckdb',
  programs: [],
  lacks: () => (findLibrary(LIBRARY) === null ? `${LIBRARY} in TSINK_PEERS` : null),
  async run(suite, stage) {
    const path = findLibrary(LIBRARY)!
    const { DuckDBConnection } = createRequire(join(path, 'package.json'))(path) as DuckDb
    const connection = await DuckDBConnection.create()
    const ask = async (sql: string): Promise<readonly Row[]> => (await connection.runAndReadAll(sql)).getRowObjectsJson()
    const folder = stage.makeFolder('duckdb')
    const { floats } = await seed(stage, 'seen_by_duckdb')

    const exported = async (file: string, parameters: Readonly<Record<string, string>>): Promise<string> => {
      const response = await fetch(`${stage.url}/api/v1/export/parquet?${new URLSearchParams(parameters)}`)
      if (!response.ok) throw new Error(`the export answered ${response.status}: ${await response.text()}`)
      writeFileSync(join(folder, file), Buffer.from(await response.arrayBuffer()))
      return `'${join(folder, file)}'`
    }

    await suite.check('DuckDB: every float of a Parquet export', async () => {
      const file = await exported('floats.parquet', { 'match[]': 'seen_by_duckdb' })
      equal(floats, samplesOf(await ask(`select metric, room, epoch_ms(timestamp) as ms, value as sample from ${file} order by timestamp`)))
    })
    await suite.check('DuckDB: the same with labels in JSON', async () => {
      const file = await exported('json.parquet', { 'match[]': 'seen_by_duckdb', labels: 'json' })
      const sql = `select metric, labels->>'room' as room, epoch_ms(timestamp) as ms, value as sample from ${file} order by timestamp`
      equal(floats, samplesOf(await ask(sql)))
    })
    await suite.check('DuckDB: grouping by a label', async () => {
      const file = await exported('group.parquet', { 'match[]': 'seen_by_duckdb' })
      const rows = await ask(`select room, count(*)::int as n, max(value) as most from ${file} group by room order by room`)
      const want = [
        { room: 'a', n: 200, most: 24.875 },
        { room: 'b "c"', n: 200, most: -999_603.99 },
      ]
      if (JSON.stringify(rows) !== JSON.stringify(want)) throw new Error(`it says ${JSON.stringify(rows)}`)
    })
    await suite.check('DuckDB: native histograms as text', async () => {
      const file = await exported('histograms.parquet', { 'match[]': 'seen_by_duckdb_size' })
      const sql = `select metric, epoch_ms(timestamp) as ms, text as sample from ${file} where kind = 'histogram' order by timestamp`
      equal(await stored(stage.url, 'seen_by_duckdb_size', { times: true }), samplesOf(await ask(sql)))
    })
    connection.closeSync()
  },
}

function samplesOf(rows: readonly Row[]): Stored {
  const series = new Map<string, string[]>()
  for (const { metric, room, ms, sample } of rows) {
    const name = room === undefined ? String(metric) : `${metric}{room=${JSON.stringify(room)}}`
    const samples = series.get(name)
    const text = `${sample}@${Number(ms) / 1_000}`
    if (samples === undefined) series.set(name, [text])
    else samples.push(text)
  }
  return Object.fromEntries([...series].map(([name, samples]) => [name, samples.join(' ')]))
}

function equal(want: Stored, found: Stored): void {
  const wrong = unlike(want, found)
  if (wrong.length > 0) throw new Error(wrong.join('; '))
}
