/** The codec loops that this thread uses: the kernel's where WebAssembly is allowed, else the plain ones. */
import { MAX_COLUMN_BYTES, MAX_COLUMN_SAMPLES, type CodecLoops } from './codec-loops.ts'
import { sharedKernel, type Kernel } from './instance.ts'
import { copyColumn, plainCodecLoops } from './plain/loops.ts'

let loops: CodecLoops | undefined

/** This thread's codec loops. What its columns hold is valid until the next caller's first write: fill, call, copy out, without an await. */
export function codecLoops(): CodecLoops {
  if (loops === undefined) {
    const kernel = sharedKernel()
    loops = kernel === null ? plainCodecLoops() : kernelCodecLoops(kernel)
  }
  return loops
}

/** The loops of an instance of the module, over columns in its memory. */
export function kernelCodecLoops(kernel: Kernel): CodecLoops {
  const { exports } = kernel
  const { buffer } = kernel.bytes
  const doubles = new Float64Array(buffer, exports.doublesAddress(), MAX_COLUMN_SAMPLES)
  return {
    doubles,
    words: new BigInt64Array(buffer, exports.wordsAddress(), MAX_COLUMN_SAMPLES),
    positions: new Uint16Array(buffer, exports.positionsAddress(), MAX_COLUMN_SAMPLES),
    bytes: new Uint8Array(buffer, exports.bytesAddress(), MAX_COLUMN_BYTES + 16),
    summary: new Float64Array(buffer, exports.summaryAddress(), 5),
    summarize: exports.summarize,
    countRuns: exports.countRuns,
    firstDescent: exports.firstDescent,
    copyDoubles(from, to, into, at): void {
      // Most columns are in the same memory: then no view is needed.
      if (into.buffer === buffer && at + to - from <= into.length) exports.copyDoubles(from, to - from, into.byteOffset + at * 8)
      else copyColumn(doubles, from, to, into, at)
    },
    recallTimes: exports.recallTimes,
    keepTimes: exports.keepTimes,
    integersToWords: exports.integersToWords,
    bitsToWords: exports.bitsToWords,
    decimalExponent: exports.decimalExponent,
    decimalsToWords: exports.decimalsToWords,
    planPacked: exports.planPacked,
    writePacked: exports.writePacked,
    readPacked: exports.readPacked,
    readPackedStarts: exports.readPackedStarts,
    planXor: exports.planXor,
    writeXor: exports.writeXor,
    readXor: exports.readXor,
    planDeltaOfDelta: exports.planDeltaOfDelta,
    writeDeltaOfDelta: exports.writeDeltaOfDelta,
    readDeltaOfDelta: exports.readDeltaOfDelta,
    readDeltaOfDeltaStarts: exports.readDeltaOfDeltaStarts,
  }
}
