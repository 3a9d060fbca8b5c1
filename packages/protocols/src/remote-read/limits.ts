/** Bounds of remote read. */
export const REMOTE_READ_LIMITS = {
  /** Decoded bytes of a request: matchers only. */
  requestBytes: 33_554_432,
  /** Samples of one sampled answer, which must be held whole: as in Prometheus. */
  samples: 50_000_000,
  /** Bytes of chunks in one frame of a stream: as in Prometheus. A series with more comes in several frames. */
  frameBytes: 1_048_576,
  /** Samples of one chunk: what readers are used to. */
  chunkSamples: 120,
  /** Queries of one request. */
  queries: 1_000,
} as const
