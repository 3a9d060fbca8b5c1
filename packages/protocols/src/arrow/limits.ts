/** Limits of an Arrow export. */
export const ARROW_LIMITS = {
  /** Rows in a record batch. */
  batchRows: 65_536,
  /** Values in a record batch, rows times columns, 4 to 8 bytes each. */
  batchValues: 1_048_576,
} as const
