/**
 * Limits: every fixed bound of the data model in one place, each with its reason. Bounds that an operator may want to change are options
 * with flags (see the server's config); these are not.
 */
export const LIMITS = {
  /** A label name is an identifier; 256 bytes is far above any seen in the field. */
  labelNameBytes: 256,
  /** Large enough for URLs and SQL digests that people put into labels. */
  labelValueBytes: 16_384,
  /** Metric names are kept apart since generated ones (OTLP, Graphite paths) run long. */
  metricNameBytes: 65_535,
  /** Label sets are walked on every write: a series with hundreds of labels is an error at its source. */
  labelsPerSeries: 512,
  /** Characters of a regular expression; matching takes time in its length. Lists of plain alternatives are sets and may be longer. */
  regexLength: 65_536,
  /** Samples in a full chunk: full chunks pack best, and 2,048 floats still fit a core's first-level cache. */
  chunkSamples: 2_048,
  /** Buckets of one native histogram sample, both sides together; Prometheus scrapes cap at 160, senders merge above a few hundred. */
  histogramBuckets: 16_384,
  /** One bytes or string value. */
  blobBytes: 1_048_576,
} as const
