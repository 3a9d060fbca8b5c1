/** Bounds of text bodies. */
export const TEXT_LIMITS = {
  /** Bytes of one body, decompressed: some 500,000 samples. */
  bodyBytes: 64 * 1024 * 1024,
  /** Bytes of one line: a sample with the largest label set in use, and its exemplar, is far below. */
  lineBytes: 1024 * 1024,
} as const
