/** Bounds of line protocol. */
export const INFLUX_LIMITS = {
  /** Bytes of one body, decompressed. */
  bodyBytes: 67_108_864,
  /** Tags of one line; what a series may have as labels, and a little to say so. */
  tags: 1_024,
  /** Fields of one line: each is a series. */
  fields: 4_096,
} as const
