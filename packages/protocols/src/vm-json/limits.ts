/** Bounds of JSON lines. */
export const VM_JSON_LIMITS = {
  /** Bytes of one body or piece of it; longer imports are sent in pieces that end at a line. */
  bodyBytes: 67_108_864,
  /** Samples of one line that is written. */
  lineSamples: 10_000,
} as const
