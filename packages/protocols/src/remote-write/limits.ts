/** Bounds of remote-write bodies. Numbers of series and samples are bounded by the size of the body. */
export const REMOTE_WRITE_LIMITS = {
  /** Decoded bytes of one body: Prometheus's own receiver takes as much, and its senders stay far below. */
  bodyBytes: 33_554_432,
  /** Symbols of one 2.0 request; each takes at least two bytes, so the body is the tighter bound for honest senders. */
  symbols: 4_194_304,
} as const
