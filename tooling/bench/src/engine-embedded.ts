/**
 * tsink embedded beside node:sqlite and DuckDB on the same rows: a gauge and a counter shape scraped in rounds, three labels a series, batches of
 * 1,000, one sync or transaction a batch that the operating system may still hold ("periodic"). Reads are the two that a time-series database
 * lives on: one series whole, and a slice of time over all series.
 *
 * Each store gets the layouts that its own experts would choose: sqlite a table of series, found through a Map, and a table of samples without
 * rowid, once clustered by series, as reads want it, and once by time, as writes want it; DuckDB an appender and a plain table.
 *
 * DuckDB's binaries are 70 MB and no dependency of the workspace. Install @duckdb/node-api anywhere and set TSINK_DUCKDB to that folder.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { open, SampleBuffer, type Database } from 'tsink'
import type { Goal } from './suite.ts'

const START = 1_750_000_000_000
const STEP = 10_000
const BATCH = 1_000

interface Shape {
  readonly series: number
  readonly samples: number
}

const TOY: Shape = { series: 100, samples: 200 }
const FULL: Shape = { series: 1_000, samples: 5_000 }

/** What one store took for everything, in milliseconds, with checksums of what it read. */
interface Outcome {
  readonly insertMs: number
  readonly seriesMs: number
  readonly sliceMs: number
  readonly bytes: number
  readonly seriesSum: number
  readonly sliceSum: number
}

/** So often everything is done, in turn; the best of each counts, since neighbours only slow down and the first time compiles the loops. */
const ROUNDS = 3
/** Takes minutes: once is enough. */
const SLOW = 'sqlite by series'

function bestOf(outcomes: readonly Outcome[]): Outcome {
  const best = (of: 'insertMs' | 'seriesMs' | 'sliceMs'): number => Math.min(...outcomes.map((outcome) => outcome[of]))
  return { ...outcomes[0]!, insertMs: best('insertMs'), seriesMs: best('seriesMs'), sliceMs: best('sliceMs') }
}

type Contender = (shape: Shape, dir: string) => Promise<Outcome>

export async function embedded(quick: boolean, shape: Shape = quick ? TOY : FULL): Promise<{ rows: string[][]; goals: Goal[] }> {
  const contenders: Record<string, Contender> = {
    'sqlite by series': (of, dir) => sqlite('series, time', of, dir),
    'sqlite by time': (of, dir) => sqlite('time, series', of, dir),
    'tsink rows': tsinkRows,
    'tsink columns': tsinkColumns,
    'tsink handles': tsinkHandles,
  }
  const duck = loadDuck()
  if (duck !== null) contenders['duckdb'] = (of, dir) => duckdb(duck, of, dir)
  const outcomes: Record<string, Outcome[]> = {}
  for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
    for (const [name, run] of Object.entries(contenders)) {
      if (round > 0 && name === SLOW) continue
      const dir = mkdtempSync(join(tmpdir(), 'tsink-bench-'))
      try {
        ;(outcomes[name] ??= []).push(await run(shape, dir))
      } finally {
        rmSync(dir, { recursive: true, force: true })
      }
    }
  }
  const found = Object.fromEntries(Object.entries(outcomes).map(([name, list]) => [name, bestOf(list)]))
  const first = found['sqlite by series']!
  for (const [name, outcome] of Object.entries(found)) {
    if (!near(outcome.seriesSum, first.seriesSum) || !near(outcome.sliceSum, first.sliceSum))
      throw new Error(`${name} read other samples than sqlite`)
  }
  const total = shape.series * shape.samples
  const rows = [['embedded', 'insert M/s', 'one series ms', 'slice ms', 'B/sample on disk']]
  for (const [name, { insertMs, seriesMs, sliceMs, bytes }] of Object.entries(found)) {
    rows.push([name, (total / insertMs / 1_000).toFixed(2), seriesMs.toFixed(3), sliceMs.toFixed(2), (bytes / total).toFixed(2)])
  }
  if (duck === null) rows.push(['duckdb: not installed, see TSINK_DUCKDB', '', '', '', ''])
  // The three ways of writing leave the same store: reads are judged by the middle one of the three.
  const middle = (of: 'seriesMs' | 'sliceMs'): number =>
    [found['tsink rows']![of], found['tsink columns']![of], found['tsink handles']![of]].toSorted((a, b) => a - b)[1]!
  const bySeries = found['sqlite by series']!
  const byTime = found['sqlite by time']!
  const goals: Goal[] = [
    goal('insert by rows beside sqlite by series', bySeries.insertMs / found['tsink rows']!.insertMs, 5),
    goal('insert by columns beside sqlite by series', bySeries.insertMs / found['tsink columns']!.insertMs, 20),
    goal('insert by handles beside sqlite by series', bySeries.insertMs / found['tsink handles']!.insertMs, 20),
    goal('insert by rows beside sqlite by time', byTime.insertMs / found['tsink rows']!.insertMs, 5),
    goal('insert by columns beside sqlite by time', byTime.insertMs / found['tsink columns']!.insertMs, 20),
    goal('insert by handles beside sqlite by time', byTime.insertMs / found['tsink handles']!.insertMs, 20),
    goal('one series beside sqlite by series', bySeries.seriesMs / middle('seriesMs'), 10),
    goal('slice of all series beside sqlite by series', bySeries.sliceMs / middle('sliceMs'), 10),
    goal('slice of all series beside sqlite by time', byTime.sliceMs / middle('sliceMs'), 10),
    goal('bytes on disk beside sqlite by series', bySeries.bytes / found['tsink rows']!.bytes, 10),
  ]
  if (duck !== null) {
    goals.push(goal('one series beside duckdb', found['duckdb']!.seriesMs / middle('seriesMs'), 2))
    goals.push(goal('slice of all series beside duckdb', found['duckdb']!.sliceMs / middle('sliceMs'), 2))
  }
  return { rows, goals }
}

function goal(name: string, found: number, want: number): Goal {
  return { name, want: `${want} times`, found: `${found.toFixed(1)} times`, met: found >= want }
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.abs(b) * 1e-9
}

interface Series {
  readonly metric: string
  readonly labels: { readonly host: string; readonly region: string; readonly job: string }
}

function seriesOf({ series }: Shape): Series[] {
  return Array.from({ length: series }, (_, i) => ({
    metric: i % 2 === 0 ? 'node_load1' : 'node_network_bytes_total',
    labels: { host: `host-${i >> 1}`, region: `eu-${i % 3}`, job: 'node' },
  }))
}

/** The values of one round over all series: gauges with two decimals that wander, counters that grow by whole numbers. */
class Values {
  readonly #now: Float64Array
  #state = 12_345

  constructor(series: number) {
    this.#now = Float64Array.from({ length: series }, (_, i) => (i % 2 === 0 ? 10 + (i % 50) : i * 1_000))
  }

  next(): Float64Array {
    const now = this.#now
    for (let i = 0; i < now.length; i++) {
      this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
      const chance = this.#state / 2 ** 32
      now[i] = i % 2 === 0 ? Math.round((now[i]! + chance - 0.5) * 100) / 100 : now[i]! + Math.floor(chance * 1_500)
    }
    return now
  }
}

const READ_SERIES = 20
/** So often each read is made; the middle of the times counts, when the loops have been compiled. */
const READS = 31
/** Reading single series out of a table that is clustered by time is a scan of all of it: a few tell enough. */
const SLOW_READS = 1

/** The slice of time that is read over all series: a fiftieth, in the middle. */
function sliceOf({ samples }: Shape): { start: number; end: number } {
  const rounds = Math.max(1, Math.floor(samples / 50))
  const start = START + Math.floor(samples / 2) * STEP
  return { start, end: start + rounds * STEP }
}

/** Middle of several runs, in milliseconds for one. */
function timed(runs: number, run: () => number): { ms: number; sum: number } {
  const times: number[] = []
  let sum = 0
  for (let i = 0; i < runs; i++) {
    const start = performance.now()
    sum = run()
    times.push(performance.now() - start)
  }
  return { ms: times.toSorted((a, b) => a - b)[runs >> 1]!, sum }
}

async function sqlite(key: string, shape: Shape, dir: string): Promise<Outcome> {
  const db = new DatabaseSync(join(dir, 'db.sqlite'))
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -262144; PRAGMA mmap_size = 1073741824')
  db.exec('CREATE TABLE series (id INTEGER PRIMARY KEY, metric TEXT, host TEXT, region TEXT, job TEXT, UNIQUE (metric, host, region, job))')
  db.exec(`CREATE TABLE samples (series INTEGER, time INTEGER, value REAL, PRIMARY KEY (${key})) WITHOUT ROWID`)
  const newSeries = db.prepare('INSERT INTO series (metric, host, region, job) VALUES (?, ?, ?, ?)')
  const insert = db.prepare('INSERT OR REPLACE INTO samples VALUES (?, ?, ?)')
  const ids = new Map<string, number>()
  const write = (rows: readonly { metric: string; labels: Series['labels']; timestamp: number; value: number }[]): void => {
    db.exec('BEGIN')
    for (const { metric, labels, timestamp, value } of rows) {
      const key = `${metric} ${labels.host} ${labels.region} ${labels.job}`
      let id = ids.get(key)
      if (id === undefined) {
        id = Number(newSeries.run(metric, labels.host, labels.region, labels.job).lastInsertRowid)
        ids.set(key, id)
      }
      insert.run(id, timestamp, value)
    }
    db.exec('COMMIT')
  }
  const insertMs = await byRows(shape, async (rows) => write(rows))
  const one = db.prepare('SELECT time, value FROM samples WHERE series = ? ORDER BY time')
  one.setReturnArrays(true)
  const bySeries = timed(key.startsWith('series') ? READS : SLOW_READS, () => {
    let sum = 0
    for (let s = 0; s < READ_SERIES; s++) for (const row of one.all(s + 1) as unknown as [number, number][]) sum += row[1]
    return sum
  })
  // By series the slice is looked up series by series, which is what an index by series is for; by time it is one range.
  const isBySeries = key.startsWith('series')
  const slice = db.prepare(`SELECT series, time, value FROM samples WHERE time >= ? AND time < ?${isBySeries ? ' AND series = ?' : ''}`)
  slice.setReturnArrays(true)
  const { start, end } = sliceOf(shape)
  const bySlice = timed(READS, () => {
    let sum = 0
    for (const id of isBySeries ? ids.values() : [null]) {
      const rows = id === null ? slice.all(start, end) : slice.all(start, end, id)
      for (const row of rows as unknown as [number, number, number][]) sum += row[2]
    }
    return sum
  })
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  return outcome(insertMs, bySeries, bySlice, dir)
}

function outcome(insertMs: number, bySeries: { ms: number; sum: number }, bySlice: { ms: number; sum: number }, dir: string): Outcome {
  return {
    insertMs,
    seriesMs: bySeries.ms / READ_SERIES,
    sliceMs: bySlice.ms,
    bytes: bytesIn(dir),
    seriesSum: bySeries.sum,
    sliceSum: bySlice.sum,
  }
}

/** Feeds rows in batches of 1,000, as scrapes give them. Only the writing is timed, not the making of rows. */
async function byRows(
  shape: Shape,
  write: (rows: { metric: string; labels: Series['labels']; timestamp: number; value: number }[]) => Promise<unknown>,
): Promise<number> {
  const series = seriesOf(shape)
  const values = new Values(shape.series)
  let ms = 0
  let rows: { metric: string; labels: Series['labels']; timestamp: number; value: number }[] = []
  for (let round = 0; round < shape.samples; round++) {
    const now = values.next()
    for (let i = 0; i < series.length; i++) {
      // A label object of its own for every row, as a parser would make it.
      rows.push({ metric: series[i]!.metric, labels: { ...series[i]!.labels }, timestamp: START + round * STEP, value: now[i]! })
      if (rows.length < BATCH) continue
      const start = performance.now()
      await write(rows)
      ms += performance.now() - start
      rows = []
    }
  }
  return ms
}

const SYNC = { sync: 'periodic', syncPeriod: 1_000 } as const

async function tsinkRows(shape: Shape, dir: string): Promise<Outcome> {
  const db = await open({ path: dir, ...SYNC })
  let insertMs = await byRows(shape, async (rows) => db.sync.insertRows(rows))
  insertMs += await flushed(db)
  return readTsink(db, insertMs, shape, dir)
}

async function tsinkHandles(shape: Shape, dir: string): Promise<Outcome> {
  const db = await open({ path: dir, ...SYNC })
  const handles = seriesOf(shape).map(({ metric, labels }) => db.series(metric, labels))
  const values = new Values(shape.series)
  let insertMs = 0
  for (let round = 0; round < shape.samples; round++) {
    const now = values.next()
    const start = performance.now()
    const time = START + round * STEP
    for (let i = 0; i < handles.length; i++) handles[i]!.append(time, now[i]!)
    // The end of the turn, where what was appended goes to the store.
    await Promise.resolve()
    insertMs += performance.now() - start
  }
  insertMs += await flushed(db)
  return readTsink(db, insertMs, shape, dir)
}

async function tsinkColumns(shape: Shape, dir: string): Promise<Outcome> {
  const db = await open({ path: dir, ...SYNC })
  const series = seriesOf(shape)
  const columns = series.map(() => ({
    timestamps: new Float64Array(Math.min(BATCH, shape.samples)),
    values: new Float64Array(Math.min(BATCH, shape.samples)),
  }))
  const values = new Values(shape.series)
  let insertMs = 0
  let filled = 0
  for (let round = 0; round < shape.samples; round++) {
    const now = values.next()
    for (let i = 0; i < series.length; i++) {
      columns[i]!.timestamps[filled] = START + round * STEP
      columns[i]!.values[filled] = now[i]!
    }
    if (++filled < columns[0]!.values.length) continue
    const start = performance.now()
    for (let i = 0; i < series.length; i++) db.sync.insertColumns({ ...series[i]!, ...columns[i]! })
    insertMs += performance.now() - start
    filled = 0
  }
  insertMs += await flushed(db)
  return readTsink(db, insertMs, shape, dir)
}

/** Time until everything is at least with the operating system. */
async function flushed(db: Database): Promise<number> {
  const start = performance.now()
  await db.flush()
  return performance.now() - start
}

async function readTsink(db: Database, insertMs: number, shape: Shape, dir: string): Promise<Outcome> {
  const buffer = new SampleBuffer(shape.samples)
  const series = seriesOf(shape)
  const all = { start: START, end: START + shape.samples * STEP }
  let sum = 0
  const add = (_: unknown, { values, count }: SampleBuffer): void => {
    // Not into the captured variable: that would make an object of every partial sum.
    let part = 0
    for (let i = 0; i < count; i++) part += values[i]!
    sum += part
  }
  const reads = (run: () => void): { ms: number; sum: number } =>
    timed(READS, () => {
      sum = 0
      run()
      return sum
    })
  const bySeries = reads(() => {
    for (let s = 0; s < READ_SERIES; s++) db.sync.selectInto(series[s]!, all, buffer, add)
  })
  const bySlice = reads(() => {
    db.sync.selectInto({ matchers: [] }, sliceOf(shape), buffer, add)
  })
  await db.close()
  return outcome(insertMs, bySeries, bySlice, dir)
}

/** The parts of DuckDB's API that are used here. */
interface Duck {
  DuckDBInstance: { create(path: string): Promise<{ connect(): Promise<DuckConnection>; closeSync(): void }> }
}

interface DuckConnection {
  run(sql: string): Promise<unknown>
  createAppender(table: string): Promise<{
    appendInteger(value: number): void
    appendBigInt(value: bigint): void
    appendDouble(value: number): void
    endRow(): void
    flushSync(): void
    closeSync(): void
  }>
  prepare(sql: string): Promise<{
    bindInteger(at: number, value: number): void
    bindBigInt(at: number, value: bigint): void
    run(): Promise<{ fetchAllChunks(): Promise<{ rowCount: number; getColumnVector(at: number): { getItem(row: number): number } }[]> }>
  }>
  closeSync(): void
}

function loadDuck(): Duck | null {
  const folder = process.env['TSINK_DUCKDB']
  if (folder === undefined) return null
  return createRequire(join(folder, 'package.json'))('@duckdb/node-api') as Duck
}

async function duckdb(duck: Duck, shape: Shape, dir: string): Promise<Outcome> {
  const instance = await duck.DuckDBInstance.create(join(dir, 'db.duckdb'))
  const connection = await instance.connect()
  await connection.run('CREATE TABLE samples (series INTEGER, time BIGINT, value DOUBLE)')
  const appender = await connection.createAppender('samples')
  const ids = new Map<string, number>()
  const insertMs = await byRows(shape, async (rows) => {
    for (const { metric, labels, timestamp, value } of rows) {
      const key = `${metric} ${labels.host} ${labels.region} ${labels.job}`
      let id = ids.get(key)
      if (id === undefined) {
        id = ids.size + 1
        ids.set(key, id)
      }
      appender.appendInteger(id)
      appender.appendBigInt(BigInt(timestamp))
      appender.appendDouble(value)
      appender.endRow()
    }
    appender.flushSync()
  })
  appender.closeSync()
  const one = await connection.prepare('SELECT time, value FROM samples WHERE series = $1 ORDER BY time')
  const slice = await connection.prepare('SELECT series, time, value FROM samples WHERE time >= $1 AND time < $2')
  const sumOf = async (statement: typeof one, column: number): Promise<number> => {
    let sum = 0
    for (const chunk of await (await statement.run()).fetchAllChunks()) {
      const vector = chunk.getColumnVector(column)
      for (let i = 0; i < chunk.rowCount; i++) sum += vector.getItem(i)
    }
    return sum
  }
  const reads = async (run: () => Promise<number>): Promise<{ ms: number; sum: number }> => {
    const times: number[] = []
    let sum = 0
    for (let i = 0; i < READS; i++) {
      const start = performance.now()
      sum = await run()
      times.push(performance.now() - start)
    }
    return { ms: times.toSorted((a, b) => a - b)[READS >> 1]!, sum }
  }
  const bySeries = await reads(async () => {
    let sum = 0
    for (let s = 0; s < READ_SERIES; s++) {
      one.bindInteger(1, s + 1)
      sum += await sumOf(one, 1)
    }
    return sum
  })
  const { start, end } = sliceOf(shape)
  const bySlice = await reads(() => {
    slice.bindBigInt(1, BigInt(start))
    slice.bindBigInt(2, BigInt(end))
    return sumOf(slice, 2)
  })
  await connection.run('CHECKPOINT')
  connection.closeSync()
  instance.closeSync()
  return outcome(insertMs, bySeries, bySlice, dir)
}

/** The bytes of all files below a folder. */
export function bytesIn(dir: string): number {
  let bytes = 0
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size
  }
  return bytes
}
