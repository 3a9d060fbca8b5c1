/** Bounds of CSV. */
export const CSV_LIMITS = {
  /** Bytes of one body or piece of it. */
  bodyBytes: 67_108_864,
  /** Columns that a map may name. */
  columns: 1_000,
} as const
