/** Bounds of text bodies. */
export const TEXT_LIMITS = {
  /** Bytes of one body, decompressed: some 500,000 samples. */
  bodyBytes: 67_108_864,
  /** Bytes of one line: a sample with the largest label set in use, and its exemplar, is far below. */
  lineBytes: 1_048_576,
} as const
