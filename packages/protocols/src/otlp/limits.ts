/** Bounds of OTLP bodies. */
export const OTLP_LIMITS = {
  /** Bytes of one body, decompressed: collectors send batches of a few thousand points, far below. */
  bodyBytes: 67_108_864,
  /** How deep lists and maps may nest in an attribute's value. */
  valueDepth: 16,
  /** Samples of target_info for one resource: it is repeated over the time that the resource's data span, which a sender chooses. */
  targetInfoSamples: 1_000,
} as const
