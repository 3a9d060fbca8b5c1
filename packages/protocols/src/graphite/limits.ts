/** Bounds of Graphite. */
export const GRAPHITE_LIMITS = {
  /** Bytes of one body or packet. */
  bodyBytes: 64 * 1024 * 1024,
  /** Bytes of one line. */
  lineBytes: 65_536,
  /** Templates of one listener. */
  templates: 1_000,
} as const
