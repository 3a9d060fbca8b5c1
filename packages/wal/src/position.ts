/** Position: where a record stands in the log. */

export interface Position {
  /** Number of the log file, from 1. */
  readonly file: number
  /** Byte offset in the file. */
  readonly offset: number
}

/** Before every record. */
export const START: Position = { file: 0, offset: 0 }

/** Negative when `a` comes before `b`, 0 when they are the same. */
export function comparePositions(a: Position, b: Position): number {
  return a.file - b.file || a.offset - b.offset
}
