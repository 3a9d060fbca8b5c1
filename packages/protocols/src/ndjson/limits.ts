/** Bounds of lines of samples. */
export const NDJSON_LIMITS = {
  /** Bytes of one body or piece of it; longer imports are sent in pieces that end at a line. */
  bodyBytes: 67_108_864,
  /** Buckets of one side of a histogram. */
  histogramBuckets: 10_000,
} as const
