export { histogram, Labels, Matcher, SampleBuffer, TsinkError } from '@tsink/core'
export type {
  DeleteResult,
  Durability,
  ErrorCode,
  ErrorKind,
  Histogram,
  MatrixSeries,
  QueryResult,
  QueryValue,
  RejectReason,
  ValueKind,
  VectorSample,
} from '@tsink/core'
export type { EngineStats, Expiry, OpenReport, RepairReport, SnapshotResult, VerifyReport } from '@tsink/engine'
export { codecAggregate, type AggregateName, type Codec, type CustomAggregate } from './aggregate.ts'
export { Database, type EvaluateOptions, type ListOptions, type QueryTime } from './database.ts'
export { open, repair } from './open.ts'
export type { Keep, OpenOptions, Size, Span } from './options.ts'
export type { SelectOptions } from './read.ts'
export { RemoteDatabase } from './remote-database.ts'
export type { ScanOptions, ScanPage } from './scan.ts'
export type { FlushResult, SeriesHandle } from './series-handle.ts'
export { SyncDatabase } from './sync-database.ts'
export type {
  Columns,
  InsertResult,
  LabelRecord,
  Point,
  PointAt,
  Precision,
  RangeOf,
  Row,
  RowAt,
  RowRejection,
  Selector,
  SeriesColumns,
  SeriesColumnsOf,
  SeriesInput,
  SeriesInputOf,
  SeriesPoints,
  Time,
  TimeColumn,
  TimeInput,
  TimeRange,
  Value,
  ValueInput,
  ValueOf,
  ValueOutput,
} from './types.ts'
