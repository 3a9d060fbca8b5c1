/**
 * Execution: one running query. It keeps the query's budgets and its clock, collects annotations and measurements, and gives the host a turn
 * between slices. Operators ask it to run the plans below them, so that no operator knows another.
 */
import { TsinkError, type Labels, type ReadTally } from '@tsink/core'
import { Annotations } from '../annotations.ts'
import type { Settings } from '../options.ts'
import type { ScalarPlan, VectorPlan } from '../plan.ts'
import type { QueryRange } from '../planner.ts'
import { ABSENT, bytesOf, samplesOf, SeriesPool, type Grid, type StepSeries } from './steps.ts'

/** Series come in pages, as the store gives them. */
export type Pages = AsyncGenerator<StepSeries[]>

/** Runs one plan; see execute.ts. */
export interface Runner {
  vector(plan: VectorPlan, grid: Grid, execution: Execution): Pages
  scalar(plan: ScalarPlan, grid: Grid, execution: Execution): Promise<Float64Array>
}

/** The columns of one series: a kind and a value. */
const BYTES_PER_STEP = 9

/** Series that an operator keeps, with what they were counted as. */
export interface Held {
  readonly series: StepSeries[]
  samples: number
  bytes: number
}

/** Samples that selectors look at, by step. */
export interface StepCounts {
  readonly queryable: Float64Array
  /** Those that the step before did not look at. */
  readonly fresh: Float64Array
}

/** What an operator has done so far; kept by the plan's id. */
export interface Measure {
  /** Time in this operator and what is below it. */
  timeMs: number
  /** Series and samples given to the operator above. */
  series: number
  samples: number
  /** Samples read from the store. */
  read: number
  /** What the store took to read them. */
  readonly tally: ReadTally
  runs: number
}

export class Execution {
  readonly settings: Settings
  readonly query: QueryRange
  readonly annotations: Annotations
  readonly measures: Map<number, Measure> = new Map()
  /** Results of shared operators, by their key. */
  readonly shared: Map<string, unknown> = new Map()
  /** Samples by step, where they are asked for. */
  readonly counts: StepCounts | null
  /** All samples that selectors have read. */
  samplesRead = 0
  /** The most samples that were held at one moment. */
  peakSamples = 0
  readonly #runner: Runner
  readonly #pools = new Map<number, SeriesPool>()
  #heldSamples = 0
  #heldBytes = 0
  #series = 0
  #sliceStart: number

  constructor(settings: Settings, query: QueryRange, steps: number, text: string, runner: Runner) {
    this.settings = settings
    this.query = query
    this.annotations = new Annotations(text)
    this.admit(steps)
    this.counts = settings.stats ? { queryable: new Float64Array(steps), fresh: new Float64Array(steps) } : null
    this.#runner = runner
    this.#sliceStart = settings.now()
  }

  vector(plan: VectorPlan, grid: Grid): Pages {
    return this.#runner.vector(plan, grid, this)
  }

  scalar(plan: ScalarPlan, grid: Grid): Promise<Float64Array> {
    return this.#runner.scalar(plan, grid, this)
  }

  /** An empty series over a grid. */
  series(labels: Labels, dropName: boolean, grid: Grid): StepSeries {
    return this.#poolOf(grid.count).take(labels, dropName)
  }

  /** Gives back a series that the caller owns and is done with. */
  recycle(series: StepSeries): void {
    this.#poolOf(series.kinds.length).give(series)
  }

  #poolOf(steps: number): SeriesPool {
    let pool = this.#pools.get(steps)
    if (pool === undefined) {
      pool = new SeriesPool(steps)
      this.#pools.set(steps, pool)
    }
    return pool
  }

  /** All series of a plan at once, counted against the budgets until {@link drop} gives them back. */
  async collect(plan: VectorPlan, grid: Grid): Promise<Held> {
    const held: Held = { series: [], samples: 0, bytes: 0 }
    for await (const page of this.vector(plan, grid)) for (const series of page) this.keep(held, series)
    return held
  }

  /** Adds one series to those that are held. */
  keep(held: Held, series: StepSeries): void {
    const samples = samplesOf(series)
    const bytes = bytesOf(series)
    held.samples += samples
    held.bytes += bytes
    held.series.push(series)
    this.hold(samples, bytes)
  }

  /** Gives back what {@link collect} and {@link keep} hold. */
  drop(held: Held): void {
    this.#heldSamples -= held.samples
    this.#heldBytes -= held.bytes
  }

  /** Counts memory that stays until the query ends or is given back with negative numbers. */
  hold(samples: number, bytes: number): void {
    this.#heldSamples += samples
    this.#heldBytes += bytes
    this.#check(0)
  }

  /** Counts the samples of one series that was just read and will be let go before the next. */
  read(samples: number): void {
    this.samplesRead += samples
    this.#check(samples)
  }

  /** Counts what the windows of one series look at, for the statistics. */
  countWindows(low: Int32Array, high: Int32Array, grid: Grid): void {
    // What a subquery computes counts where its result is looked at.
    if (this.counts === null || grid.inner || low.length !== this.counts.queryable.length) return
    const { queryable, fresh } = this.counts
    let seen = 0
    for (let k = 0; k < low.length; k++) {
      queryable[k]! += high[k]! - low[k]!
      fresh[k]! += high[k]! - Math.max(low[k]!, Math.min(seen, high[k]!))
      seen = high[k]!
    }
  }

  /** Counts the samples of an instant selector, for the statistics. */
  countInstants(series: StepSeries, grid: Grid): void {
    if (this.counts === null || grid.inner || grid.count !== this.counts.queryable.length) return
    for (let k = 0; k < grid.count; k++) {
      if (series.kinds[k] === ABSENT) continue
      this.counts.queryable[k]!++
      this.counts.fresh[k]!++
    }
  }

  /**
   * Refuses grids of which a single column would not fit into the budget, before anything is made for them.
   * @throws TsinkError QUERY_MEMORY
   */
  admit(steps: number): void {
    if (steps * BYTES_PER_STEP > this.settings.maxMemoryBytes) this.#refuseMemory()
  }

  #refuseMemory(): never {
    const { maxMemoryBytes } = this.settings
    throw new TsinkError('QUERY_MEMORY', `query needs more than ${maxMemoryBytes} bytes of memory (--query.max-memory)`, {
      detail: { limit: maxMemoryBytes, flag: '--query.max-memory' },
    })
  }

  /** Notes, for the statistics, how many samples Prometheus would hold here: it keeps the results of an operator until all are there. */
  notePeak(samples: number): void {
    if (samples > this.peakSamples) this.peakSamples = samples
  }

  /** Counts one more series read. */
  countSeries(): void {
    this.#series++
    const limit = this.settings.maxSeries
    if (this.#series > limit) {
      throw new TsinkError('QUERY_SERIES', `query reads more than ${limit} series (--query.max-series)`, {
        detail: { limit, flag: '--query.max-series' },
      })
    }
  }

  #check(passing: number): void {
    const samples = this.#heldSamples + passing
    if (samples > this.peakSamples) this.peakSamples = samples
    const { maxSamples, maxMemoryBytes } = this.settings
    if (samples > maxSamples) {
      throw new TsinkError('QUERY_SAMPLES', 'query processing would load too many samples into memory in query execution', {
        detail: { limit: maxSamples, flag: '--query.max-samples' },
      })
    }
    if (this.#heldBytes > maxMemoryBytes) this.#refuseMemory()
  }

  /** Whether the slice is used up and {@link pause} should be awaited. Cheap enough to ask once a series. */
  get due(): boolean {
    return this.settings.now() - this.#sliceStart >= this.settings.sliceMs || this.settings.signal?.aborted === true
  }

  /**
   * Lets the host do other work, then goes on.
   * @throws TsinkError CANCELED or DEADLINE when the query is to end.
   */
  async pause(): Promise<void> {
    this.stopIfEnded()
    await this.settings.yieldToHost()
    this.stopIfEnded()
    this.#sliceStart = this.settings.now()
  }

  stopIfEnded(): void {
    const { signal, deadlineMs, now } = this.settings
    if (signal?.aborted === true) throw new TsinkError('CANCELED', 'query was canceled in expression evaluation')
    if (now() > deadlineMs) {
      throw new TsinkError('DEADLINE', 'query timed out in expression evaluation', { detail: { flag: '--query.timeout' } })
    }
  }

  measure(id: number): Measure {
    let measure = this.measures.get(id)
    if (measure === undefined) {
      measure = { timeMs: 0, series: 0, samples: 0, read: 0, tally: { chunksDecoded: 0, bytesDecoded: 0, chunksSkipped: 0 }, runs: 0 }
      this.measures.set(id, measure)
    }
    return measure
  }
}
