export { exponentialBound } from './exponential-bound.ts'
export {
  BatchBuilder,
  MAX_LISTED_REJECTIONS,
  SeriesTable,
  type AnySampleColumns,
  type AppendResult,
  type Durability,
  type Exemplar,
  type MetricMetadata,
  type MetricType,
  type RejectReason,
  type Rejection,
  type SampleColumns,
  type ValueColumns,
  type WriteBatch,
} from './batch.ts'
export { splitBatch, type BatchPiece } from './split.ts'
export { compileCapturing, type CapturingRegex, type Captures } from './capture.ts'
export {
  isStale,
  lowerBound,
  SampleBuffer,
  STALE,
  STALE_BITS_HIGH,
  STALE_BITS_LOW,
  UNITS_PER_SECOND,
  VALUE_KINDS,
  type TimeUnit,
  type ValueKind,
} from './columns.ts'
export { isHistogramReset, isStaleHistogram, storedHint } from './counter-reset.ts'
export { assert, AssertionError, corruption, ERROR_KINDS, TsinkError, type ErrorCode, type ErrorDetail, type ErrorKind } from './errors.ts'
export {
  COUNTER_RESET_HINTS,
  CUSTOM_BUCKETS_SCHEMA,
  histogram,
  histogramProblem,
  MAX_EXPONENTIAL_SCHEMA,
  MIN_EXPONENTIAL_SCHEMA,
  type CounterResetHint,
  type Histogram,
  type Span,
} from './histogram.ts'
export {
  compareStrings,
  decodeLabels,
  compareLabelBytes,
  encodeLabels,
  isLegacyLabelName,
  isLegacyMetricName,
  isSchemaLabel,
  Labels,
  labelsProblem,
  METRIC_NAME,
  quoteString,
  utf8Length,
} from './labels.ts'
export { LIMITS } from './limits.ts'
export { Matcher, type MatchType } from './matcher.ts'
export { compileRegex, type LabelRegex } from './regex.ts'
export type { MatrixSeries, QueryResult, QueryValue, VectorSample } from './results.ts'
export type {
  DeleteRequest,
  DeleteResult,
  ExemplarQuery,
  Listing,
  MetadataQuery,
  MetricMetadataQuery,
  SampleSummary,
  SelectedSeries,
  Selection,
  SelectionHints,
  ReadTally,
  SeriesExemplars,
  Store,
  Timestamp,
} from './store.ts'
