/** Bounds of the encoder. */
export const PROMETHEUS_JSON_LIMITS = {
  /** A piece is handed out when it has grown to so many bytes: large enough to be worth a write, small enough to hold none back. */
  pieceBytes: 262_144,
} as const
