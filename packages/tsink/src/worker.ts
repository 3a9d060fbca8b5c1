/** The thread of `open({ worker: true })`: a whole database behind a line of messages. See remote-database.ts for the other end. */
import { ownPort } from '#thread'
import { SeriesTable, TsinkError, type WriteBatch } from '@tsink/core'
import { Database, type EvaluateOptions, type QueryTime } from './database.ts'
import { open } from './open.ts'
import type { OpenOptions, Span } from './options.ts'
import type { Call, WireError } from './port.ts'
import type { RemoteBatch } from './remote-database.ts'
import type { SeriesHandle } from './series-handle.ts'
import type { LabelRecord, Precision, SeriesColumns } from './types.ts'
import type { ValueKind } from '@tsink/core'

const port = ownPort()
let database: Database<Precision> | null = null
const handles: SeriesHandle<Precision, ValueKind>[] = []
const running = new Map<number, AbortController>()
/** While samples of handles wait for room, what comes after them waits too, so that everything keeps its order. */
let blocked: Promise<void> | null = null

port.onMessage((message) => {
  const { id, method, args } = message as Call
  answer(id, method, args).catch((error: unknown) => port.post({ id, error: wireError(error) }))
})

async function answer(id: number, method: string, args: readonly unknown[]): Promise<void> {
  if (method === 'abort') {
    running.get(args[0] as number)?.abort()
    return
  }
  while (blocked !== null) await blocked
  const result = await run(id, method, args)
  port.post({ id, result }, Array.isArray(result) ? buffersOf(result) : [])
}

async function run(id: number, method: string, args: readonly unknown[]): Promise<unknown> {
  if (method === 'open') return begin(args[0] as OpenOptions)
  const db = database
  if (db === null) throw new TsinkError('CLOSED', 'the database is closed')
  switch (method) {
    case 'append':
      return db.appendBatch(batchOf(args[0] as RemoteBatch))
    case 'series': {
      const [metric, labels, kind] = args as [string, LabelRecord | undefined, ValueKind]
      handles.push(db.series(metric, labels, kind))
      return handles.length - 1
    }
    case 'appendAll':
      await appendAll(db, ...(args as [Uint32Array, ArrayLike<number | bigint>, ArrayLike<never>, number]))
      return null
    case 'query':
    case 'queryRange': {
      const controller = new AbortController()
      running.set(id, controller)
      try {
        const [text, options] = args as [string, EvaluateOptions & { time?: QueryTime; start: QueryTime; end: QueryTime; step: Span }]
        return await db[method](text, { ...options, signal: controller.signal })
      } finally {
        running.delete(id)
      }
    }
    case 'close':
      await db.close()
      database = null
      return null
    default:
      // The front calls methods of Database by name, and only those that it knows.
      return (db as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[method]!(...args)
  }
}

async function begin(options: OpenOptions): Promise<unknown> {
  const { worker: _, ...own } = options
  database = await open({
    ...own,
    onError: (error) => port.post({ news: 'error', error: wireError(error) }),
    onReplay: (done, total) => port.post({ news: 'replay', done, total }),
  })
  return { precision: database.precision, opened: database.opened }
}

function batchOf({ bytes, offsets, samples }: RemoteBatch): WriteBatch {
  const series = new SeriesTable(0, 0)
  series.bytes = bytes
  series.offsets = offsets
  series.count = offsets.length - 1
  series.refs = new Uint32Array(series.count)
  return { series, samples }
}

async function appendAll(
  db: Database<Precision>,
  numbers: Uint32Array,
  timestamps: ArrayLike<number | bigint>,
  values: ArrayLike<never>,
  count: number,
): Promise<void> {
  for (let i = 0; i < count; i++) {
    const handle = handles[numbers[i]!]!
    try {
      handle.append(timestamps[i] as never, values[i]!)
    } catch (error) {
      if (!(error instanceof TsinkError) || error.kind !== 'limited') throw error
      blocked = db.checkpoint().finally(() => {
        blocked = null
      })
      await blocked
      handle.append(timestamps[i] as never, values[i]!)
    }
  }
}

/** The memory of selected columns, which is handed over rather than copied. Columns may share a buffer with nobody: they are exact or sliced. */
function buffersOf(result: readonly unknown[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>()
  for (const each of result as readonly Partial<SeriesColumns<Precision>>[]) {
    for (const column of [each?.timestamps, each?.values]) {
      if (ArrayBuffer.isView(column) && column.buffer instanceof ArrayBuffer) buffers.add(column.buffer)
    }
  }
  return [...buffers]
}

function wireError(error: unknown): WireError {
  if (error instanceof TsinkError) return { code: error.code, message: error.message, detail: error.detail }
  return { code: null, message: error instanceof Error ? error.message : String(error), detail: {} }
}
