/** The codec loops that this thread uses: the kernel's where WebAssembly is allowed, else the plain ones. */
import type { CodecLoops } from './codec-loops.ts'
import { plainCodecLoops } from './plain/loops.ts'

let loops: CodecLoops | undefined

/** This thread's codec loops. What its columns hold is valid until the next caller's first write: fill, call, copy out, without an await. */
export function codecLoops(): CodecLoops {
  return (loops ??= plainCodecLoops())
}
