/** The types of the embedded API: rows and columns in, columns and points out, times in the store's precision. */
import type { Durability, Histogram, Labels, Matcher, RejectReason, TimeUnit, ValueKind } from '@tsink/core'

/** The unit of a database's timestamps: seconds, milliseconds, microseconds or nanoseconds since 1970. */
export type Precision = TimeUnit

/** A timestamp: a bigint in a nanosecond database, where a number would not be exact; a whole number in every other. */
export type Time<P extends Precision> = P extends 'ns' ? bigint : number

/** A column of timestamps that a database gives. */
export type TimeColumn<P extends Precision> = P extends 'ns' ? BigInt64Array : Float64Array

/** A column of timestamps that a database takes. */
export type TimeInput<P extends Precision> = P extends 'ns' ? BigInt64Array | readonly bigint[] : Float64Array | readonly number[]

/** Label names and values besides the metric name. An empty value means that the label is absent. */
export type LabelRecord = Readonly<Record<string, string>>

/** What one value of each kind is. */
export interface ValueOf {
  f64: number
  i64: bigint
  u64: bigint
  bool: boolean
  bytes: Uint8Array
  string: string
  histogram: Histogram
}

/** Any value. */
export type Value = ValueOf[ValueKind]

/** The column of values that a database takes, by kind. */
export interface ValueInput {
  f64: Float64Array | readonly number[]
  i64: BigInt64Array | readonly bigint[]
  u64: BigUint64Array | readonly bigint[]
  bool: readonly boolean[]
  bytes: readonly Uint8Array[]
  string: readonly string[]
  histogram: readonly Histogram[]
}

/** The column of values that a database gives, by kind. A series of histograms may hold plain numbers too: stale markers, mixed series. */
export interface ValueOutput {
  f64: Float64Array
  i64: BigInt64Array
  u64: BigUint64Array
  bool: boolean[]
  bytes: Uint8Array[]
  string: string[]
  histogram: (Histogram | number)[]
}

/**
 * One sample with its series, for convenience. The kind of the value follows from its JavaScript type: number is `f64`, bigint `i64` (or
 * `u64`, where `kind` says so), boolean `bool`, string `string`, Uint8Array `bytes`, a {@link Histogram} object `histogram`.
 */
export type Row<P extends Precision = 'ms'> = RowAt<Time<P>>

/** A row whose timestamp is a number, or a bigint in nanosecond databases. */
export interface RowAt<T extends number | bigint> {
  readonly metric: string
  readonly labels?: LabelRecord
  readonly timestamp: T
  readonly value: Value
  /** Only to make a bigint an unsigned integer. */
  readonly kind?: 'u64'
}

/** Samples of one series as parallel columns of equal length: the faster way in. */
export type SeriesInput<P extends Precision = 'ms', K extends ValueKind = ValueKind> = SeriesInputOf<TimeInput<P>, K>

/** Columns whose timestamps are numbers, or bigints in nanosecond databases. */
export interface SeriesInputOf<T, K extends ValueKind> {
  readonly metric: string
  readonly labels?: LabelRecord
  readonly kind: K
  readonly timestamps: T
  readonly values: ValueInput[K]
}

/** Columns of any kind; without a kind they are floats. */
export type Columns<P extends Precision = 'ms'> =
  | { [K in ValueKind]: SeriesInput<P, K> }[ValueKind]
  | (Omit<SeriesInput<P, 'f64'>, 'kind'> & { readonly kind?: 'f64' })

/** A sample that was not taken. */
export interface RowRejection {
  /** Where the sample stands: in `insertRows` the row, in `insertColumns` the place in its column. */
  readonly index: number
  /** In `insertColumns` which of the given columns; 0 elsewhere. */
  readonly column: number
  readonly reason: RejectReason
  /** Says what was found and what would have been right. */
  readonly message: string
}

/** What became of a write. `accepted` and `rejected` make up all samples; one bad sample never costs another. */
export interface InsertResult {
  readonly accepted: number
  readonly rejected: number
  /** The first rejected samples, up to 1,000. */
  readonly rejections: readonly RowRejection[]
  /** How safe the accepted samples are: in memory only, in the operating system's hands, or on the disk. */
  readonly durability: Durability
}

/**
 * Which series: a PromQL selector (`'cpu{host=~"web.*"}'`), or its parts. All conditions must hold; a label that is not named may have any
 * value or none.
 */
export type Selector = string | { readonly metric?: string; readonly labels?: LabelRecord; readonly matchers?: readonly Matcher[] }

/** A half-open range of time: from `start` up to but not including `end`. Left out, a bound is open. */
export type TimeRange<P extends Precision = 'ms'> = RangeOf<Time<P>>

/** A half-open range of numbers, or of bigints in nanosecond databases. */
export interface RangeOf<T extends number | bigint> {
  readonly start?: T
  readonly end?: T
}

/** Samples of one series as columns. `kind` tells the type of `values`. */
export interface SeriesColumnsOf<P extends Precision, K extends ValueKind> {
  readonly labels: Labels
  readonly kind: K
  readonly timestamps: TimeColumn<P>
  readonly values: ValueOutput[K]
}

/** Samples of one series as columns, of whichever kind. */
export type SeriesColumns<P extends Precision = 'ms'> = { [K in ValueKind]: SeriesColumnsOf<P, K> }[ValueKind]

/** One sample of a selected series. */
export type Point<P extends Precision = 'ms'> = PointAt<Time<P>>

/** A sample at a number, or at a bigint in nanosecond databases. */
export interface PointAt<T extends number | bigint> {
  readonly timestamp: T
  readonly value: Value
}

/** Samples of one series as objects. */
export interface SeriesPoints<P extends Precision = 'ms'> {
  readonly labels: Labels
  readonly points: Point<P>[]
}
