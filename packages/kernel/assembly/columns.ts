// The columns that the codec loops work on: static areas of the instance's memory, at addresses that the compiler knows. The host finds
// them by the functions at the end. Sizes follow src/codec-loops.ts.

export const MAX_SAMPLES: i32 = 16_384
export const BLOCK: i32 = 128
export const MAX_BLOCKS: i32 = 128

/** Doubles in and out. One spare vector, so that pairs may be written. */
export const DOUBLES = memory.data(16_384 * 8 + 16, 16)
/** 64-bit integers in and out. */
export const WORDS = memory.data(16_384 * 8 + 16, 16)
/** Encoded bytes in and out, with slack for loads that look past the end. */
export const BYTES = memory.data(262_144 + 64, 16)
/** Places of exceptions, u16. */
export const POSITIONS = memory.data(16_384 * 2, 16)
/** Working column of the packer. */
export const QUOTIENTS = memory.data(16_384 * 8, 16)

export function doublesAddress(): usize {
  return DOUBLES
}

export function wordsAddress(): usize {
  return WORDS
}

export function bytesAddress(): usize {
  return BYTES
}

export function positionsAddress(): usize {
  return POSITIONS
}
