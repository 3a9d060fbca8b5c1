export { createKernel, sharedKernel, SHARED_MEMORY_BYTES, type Kernel } from './instance.ts'
export { MODULE_BYTES, type KernelExports } from './generated/module.ts'
export { crc32c } from './crc32c.ts'
export { crc32cPlain } from './plain/crc32c.ts'
export { assertDecoded, SNAPPY_SLACK_BYTES, snappyCheckedHeader, snappyDecode, snappyEncode, snappyHeader } from './snappy.ts'
export { snappyDecodePlain, snappyEncodePlain } from './plain/snappy.ts'
export { NO_ROOM, SeriesWalk, UNKNOWN_SERIES, WALK_AGAIN, type WalkMiss, type WalkRest } from './series-walk.ts'
export {
  BLOCK_SAMPLES,
  MAX_COLUMN_BYTES,
  MAX_COLUMN_SAMPLES,
  MAX_EXPONENT,
  TARGET_BITS,
  TARGET_WORDS,
  type CodecLoops,
} from './codec-loops.ts'
export { plainCodecLoops } from './plain/loops.ts'
export { codecLoops, kernelCodecLoops } from './loops.ts'
export { xxhash64 } from './xxhash64.ts'
export { xxhash64Plain } from './plain/xxhash64.ts'
export {
  extrapolateWindows,
  firstNaN,
  fitWindows,
  newestInWindows,
  sumWindows,
  windowBounds,
  windowColumns,
  type WindowColumns,
  type WindowGrid,
} from './windows.ts'
export { extrapolateWindowsPlain, firstNaNPlain, newestInWindowsPlain, windowBoundsPlain } from './plain/windows.ts'
export { fitWindowsPlain } from './plain/lines.ts'
export { add, lost, sumWindowsPlain } from './plain/summation.ts'
