/**
 * The crash checker: a scripted workload on a memory disk, cut short at its k-th change, and the question what a log that is opened afterwards must hold.
 *
 * The promise that is checked: what was acknowledged is there; what is there was appended, in order and without holes; after a crash of the process
 * alone everything that `append` returned for is there; and opening in strict mode succeeds, since a crash is no damage.
 */
import { memoryHost, PowerFailure, seededRandom, type MemoryHost, type Survival } from '@tsink/host/memory'
import { comparePositions, Log, START, type LogOptions, type Position, type SyncMode } from '@tsink/wal'

/** The part of a log that the workload uses: canaries stand in for it. */
export interface LogLike {
  append(type: number, sequence: number, payload: Uint8Array): Position
  commit(): Promise<unknown>
  rotate(): Promise<Position>
  cut(before: Position): Promise<void>
  close(): Promise<void>
}

export interface CrashPlan {
  readonly sync: SyncMode
  readonly survival: Survival
  readonly seed: number
  /** Which change of the disk loses its power; 0 for none. */
  readonly at: number
  /** How the workload gets its log from the real one. */
  readonly wrap?: (log: Log, host: MemoryHost) => LogLike
}

/** What the workload knows of its log: appended and acknowledged sequences, and where replay begins. */
interface Model {
  appended: number
  acknowledged: number
  positions: Position[]
  from: Position
}

const ROUNDS = 12

/** Payload of a sequence: long enough to be torn, and told from every other. */
export function payloadOf(sequence: number): Uint8Array {
  const random = seededRandom(sequence)
  const payload = new Uint8Array(Math.floor(random() * 90))
  for (let i = 0; i < payload.length; i++) payload[i] = random() * 256
  return payload
}

function logOptions(host: MemoryHost, plan: CrashPlan, model: Model): LogOptions {
  return { clock: host.clock, sync: plan.sync, periodMs: 100, fileBytes: 400, reserveBytes: 64, from: model.from }
}

async function workload(host: MemoryHost, plan: CrashPlan, model: Model): Promise<void> {
  const random = seededRandom(plan.seed)
  for (let life = 0; life < 2; life++) {
    const { log: real } = await Log.open(host.disk, 'log', logOptions(host, plan, model), () => undefined)
    const log = plan.wrap?.(real, host) ?? real
    for (let round = 0; round < ROUNDS; round++) {
      for (let count = Math.floor(random() * 4); count > 0; count--) append(log, model)
      const covered = model.appended
      const committing = log.commit().then((durability) => {
        if (durability === 'durable' && covered > model.acknowledged) model.acknowledged = covered
      })
      committing.catch(() => undefined)
      // Some records come while the commit is under way, and are not covered by it.
      if (random() < 0.3) append(log, model)
      await committing
      host.clock.advance(60)
      if (random() < 0.2) {
        const cut = await log.rotate()
        if (random() < 0.5) append(log, model)
        // The catalog remembers the cut before files go.
        model.from = cut
        await log.cut(cut)
      }
    }
    await log.close()
    model.acknowledged = model.appended
  }
}

function append(log: LogLike, model: Model): void {
  const sequence = model.appended + 1
  model.positions[sequence] = log.append(1 + (sequence % 255), sequence, payloadOf(sequence))
  model.appended = sequence
}

/** Count of changes that the whole workload makes. */
export async function countChanges(sync: SyncMode, seed: number): Promise<number> {
  const host = memoryHost({ seed })
  await workload(host, { sync, survival: 'lost', seed, at: 0 }, newModel())
  return host.disk.changes
}

/** Runs the workload up to the crash, opens the log again, twice, and answers what is wrong with what it holds: null when nothing is. */
export async function findViolation(plan: CrashPlan): Promise<string | null> {
  const host = memoryHost({ seed: plan.seed * 7_919 + plan.at })
  const model = newModel()
  if (plan.at > 0) host.disk.failChange(plan.at, 'crash')
  try {
    await workload(host, plan, model)
  } catch (error) {
    if (!isPowerFailure(error)) throw error
  }
  host.clock.clear()
  // Let what the dead log still had in flight come to its end.
  for (let i = 0; i < 20; i++) await host.clock.turn()
  host.disk.crash(plan.survival)
  const first = await openAndCheck(host, plan, model, 0)
  if (first !== null) return first
  // A second life: crash while opening, then open, append, and lose the power again.
  host.disk.failChange(1 + (plan.at % 9), 'crash')
  try {
    const { log } = await Log.open(host.disk, 'log', logOptions(host, plan, model), () => undefined)
    await log.close()
  } catch (error) {
    if (!isPowerFailure(error)) return `opening again failed: ${String(error)}`
  }
  host.disk.crash(plan.survival)
  const second = await openAndCheck(host, plan, model, 3)
  if (second !== null) return `second life: ${second}`
  host.disk.crash('lost')
  return openAndCheck(host, plan, model, 0)
}

/** Opens the log, compares it with the model, appends and commits `more` records, and makes the model what the log holds. */
async function openAndCheck(host: MemoryHost, plan: CrashPlan, model: Model, more: number): Promise<string | null> {
  const found: number[] = []
  let wrong: string | null = null
  let log: Log
  try {
    const opened = await Log.open(host.disk, 'log', logOptions(host, plan, model), ({ sequence, payload, position }) => {
      if (comparePositions(position, model.from) < 0) return
      found.push(sequence)
      model.positions[sequence] = position
      const expected = payloadOf(sequence)
      if (payload.length !== expected.length || payload.some((byte, i) => byte !== expected[i]))
        wrong ??= `record ${sequence} has other bytes`
    })
    log = opened.log
  } catch (error) {
    return `it does not open: ${String(error)}`
  }
  if (wrong !== null) return wrong
  for (let i = 1; i < found.length; i++) if (found[i] !== found[i - 1]! + 1) return `record ${found[i]} follows record ${found[i - 1]}`
  const last = found.at(-1) ?? 0
  if (last > model.appended + 1) return `record ${last} was never appended`
  const owed = plan.survival === 'kept' ? model.appended : model.acknowledged
  for (let sequence = owed; sequence > 0; sequence--) {
    if (comparePositions(model.positions[sequence]!, model.from) < 0) break
    if (!found.includes(sequence)) return `record ${sequence} was acknowledged and is lost`
  }
  // From here on the log that was found is the truth; lost sequences may come again.
  model.appended = last === 0 ? firstKept(model) - 1 : last
  for (let i = 0; i < more; i++) append(log, model)
  await log.sync()
  model.acknowledged = model.appended
  return null
}

function firstKept(model: Model): number {
  for (let sequence = 1; sequence <= model.appended; sequence++)
    if (comparePositions(model.positions[sequence]!, model.from) >= 0) return sequence
  return model.appended + 1
}

function newModel(): Model {
  return { appended: 0, acknowledged: 0, positions: [], from: START }
}

// A poisoned log says READ_ONLY with the loss of power as its cause.
function isPowerFailure(error: unknown): boolean {
  return error instanceof PowerFailure || (error instanceof Error && error.cause !== undefined && isPowerFailure(error.cause))
}
