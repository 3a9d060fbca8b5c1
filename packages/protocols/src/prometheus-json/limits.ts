/** Bounds of the encoder. */
export const PROMETHEUS_JSON_LIMITS = {
  /** A piece is handed out when it has grown to so many characters: large enough to be worth a write, small enough to hold none back. */
  pieceChars: 65_536,
} as const
