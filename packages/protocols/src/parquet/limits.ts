/** Limits of a Parquet export. */
export const PARQUET_LIMITS = {
  /** Rows in a group. */
  groupRows: 65_536,
  /** Values in a group, rows times columns: a group is encoded in one go, at some 100 ns a value, and nothing else runs meanwhile. */
  groupValues: 262_144,
} as const
