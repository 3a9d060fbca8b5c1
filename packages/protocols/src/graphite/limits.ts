/** Bounds of Graphite. */
export const GRAPHITE_LIMITS = {
  /** Bytes of one body or packet. */
  bodyBytes: 67_108_864,
  /** Bytes of one line. */
  lineBytes: 65_536,
  /** Bytes of one pickle, as carbon has it. */
  pickleBytes: 1_048_576,
  /** Templates of one listener. */
  templates: 1_000,
} as const
