/**
 * Instances of the WebAssembly module: one fixed memory each, laid out once by the code that uses it.
 *
 *     0 ─ 1,024 unused │ static data of the module │ area │ area │ ... │ end
 *
 * The memory's size is set when the instance is made and never changes, so a typed-array view of it stays attached for life. An area is a
 * part of that memory with one owner: the TypeScript file that reserved it. The owner copies its input in, calls, and copies the result
 * out before it returns; nobody keeps a view of an area's contents across calls. Reserved pages cost address space only until they are
 * written. Threads share nothing: each has its own module scope, hence its own instance.
 */
import { assert } from '@tsink/core'
import { MODULE_BASE64, STATIC_BYTES, type KernelExports } from './generated/module.ts'

/** An instance of the module with its memory as views. The views never detach. */
export interface Kernel {
  /** The module's functions: addresses in bytes, no bounds checks. */
  readonly exports: KernelExports
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  readonly doubles: Float64Array
  /** Takes `sizeBytes` of the memory for the caller, for ever; the answer is an address that is a multiple of 16. */
  reserve(sizeBytes: number): number
}

/** What the shared instance's memory has for areas: snappy and the walks over bodies take most of it. */
export const SHARED_MEMORY_BYTES: number = 64 * 1024 * 1024

const PAGE_BYTES = 65_536

// The parts of the WebAssembly JavaScript API that are used: it is in every runtime, but not in the ECMAScript type library.
interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: object) => { readonly exports: object }
  Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
}

let compiled: object | undefined
let shared: Kernel | null | undefined

/**
 * The instance that this thread's functions share, or null where WebAssembly is missing, forbidden (a content security policy) or switched
 * off with the environment variable `TSINK_KERNEL=ts`; then the plain twins serve. Made at the first call (about 4 ms).
 */
export function sharedKernel(): Kernel | null {
  if (shared === undefined) shared = kernelIsSwitchedOff() || !compiles() ? null : createKernel(SHARED_MEMORY_BYTES)
  return shared
}

/** Makes an instance with `areaBytes` of memory for areas beside the module's own data. Throws where WebAssembly is not allowed. */
export function createKernel(areaBytes: number): Kernel {
  const api = (globalThis as { WebAssembly?: WebAssemblyApi }).WebAssembly
  assert(api !== undefined, 'an instance is asked for where WebAssembly exists')
  compiled ??= new api.Module(fromBase64(MODULE_BASE64))
  const pages = Math.ceil((STATIC_BYTES + areaBytes) / PAGE_BYTES)
  const memory = new api.Memory({ initial: pages, maximum: pages })
  const exports = new api.Instance(compiled, { env: { memory } }).exports as KernelExports
  exports.start()
  const buffer = memory.buffer
  let next = (exports.heapBase() + 15) & ~15
  return {
    exports,
    bytes: new Uint8Array(buffer),
    words: new Uint32Array(buffer),
    doubles: new Float64Array(buffer),
    reserve(sizeBytes: number): number {
      const address = next
      next = (next + sizeBytes + 15) & ~15
      assert(next <= buffer.byteLength, `the areas of the kernel fit into its memory of ${buffer.byteLength} bytes`)
      return address
    },
  }
}

function kernelIsSwitchedOff(): boolean {
  // There is no such global in browsers.
  const environment = (globalThis as unknown as { process: { env?: Record<string, string | undefined> } | undefined }).process?.env
  return environment?.['TSINK_KERNEL'] === 'ts'
}

// Without WebAssembly, without SIMD or under a content security policy that forbids compiling, the twins give the same answers, slower.
function compiles(): boolean {
  const api = (globalThis as { WebAssembly?: WebAssemblyApi }).WebAssembly
  if (api === undefined) return false
  try {
    compiled ??= new api.Module(fromBase64(MODULE_BASE64))
    return true
  } catch {
    return false
  }
}

const BASE64_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function fromBase64(text: string): Uint8Array {
  const digits = new Uint8Array(128)
  for (let i = 0; i < 64; i++) digits[BASE64_DIGITS.charCodeAt(i)] = i
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  for (let i = 0, at = 0; i < text.length; i += 4) {
    const group =
      (digits[text.charCodeAt(i)]! << 18) |
      (digits[text.charCodeAt(i + 1)]! << 12) |
      (digits[text.charCodeAt(i + 2)]! << 6) |
      digits[text.charCodeAt(i + 3)]!
    bytes[at++] = group >>> 16
    if (at < bytes.length) bytes[at++] = group >>> 8
    if (at < bytes.length) bytes[at++] = group
  }
  return bytes
}
