// The WebAssembly module of tsink: hot loops over bytes and columns in one linear memory that the host lays out. No function allocates;
// every address comes from the caller, who also guarantees that what lies behind it is large enough. Each function has a plain
// TypeScript twin in src/plain, and a test that compares the two.

/** The first address after static data. */
export function heapBase(): usize {
  return __heap_base
}

export { crc32c } from './crc32c'
export { xxhash64 } from './xxhash64'
export { bytesAddress, doublesAddress, positionsAddress, wordsAddress } from './columns'
export { bitsToWords, copyDoubles, countRuns, firstDescent, integersToWords } from './column-passes'
export { keepTimes, recallTimes } from './known-times'
export { decimalExponent, decimalsToWords } from './decimals'
export { planPacked, readPacked, readPackedStarts, writePacked } from './packer'
export { planXor, readXor, writeXor } from './xor'
export { planDeltaOfDelta, readDeltaOfDelta, readDeltaOfDeltaStarts, writeDeltaOfDelta } from './delta-of-delta'
export { snappyDecode, snappyEncode } from './snappy'
export { addSeriesOf, gatherSeries, placeSeries, slotOfKey } from './series-table'
export { walkRemoteWrite1, walkRemoteWrite2 } from './remote-write'
export { walkGraphite, walkOpenMetrics, walkText } from './text-lines'
export { walkLineProtocol } from './line-protocol'
export { walkJsonLines } from './json-lines'
export { walkNumberPoints } from './otlp-points'
export { summarize, summaryAddress } from './summary'
export {
  windowBounds,
  windowExtrapolate,
  windowFirstNaN,
  windowHighAddress,
  windowKindsAddress,
  windowLines,
  windowLowAddress,
  windowNewest,
  windowResultsAddress,
  windowSecondAddress,
  windowSums,
  windowTimesAddress,
  windowValuesAddress,
} from './windows'
