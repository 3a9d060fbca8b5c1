/** Bounds of OpenTSDB. */
export const OPENTSDB_LIMITS = {
  /** Bytes of one body or of the lines that were read at once. */
  bodyBytes: 32 * 1024 * 1024,
  /** Bytes of one telnet line. */
  lineBytes: 65_536,
} as const
