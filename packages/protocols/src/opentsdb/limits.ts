/** Bounds of OpenTSDB. */
export const OPENTSDB_LIMITS = {
  /** Bytes of one body or of the lines that were read at once. */
  bodyBytes: 33_554_432,
  /** Bytes of one telnet line. */
  lineBytes: 65_536,
} as const
