// The WebAssembly module of tsink: hot loops over bytes and columns in one linear memory that the host lays out. No function allocates;
// every address comes from the caller, who also guarantees that what lies behind it is large enough. Each function has a plain
// TypeScript twin in src/plain, and a test that compares the two.

/** The first address after static data. */
export function heapBase(): usize {
  return __heap_base
}

export { crc32c } from './crc32c'
export { xxhash64 } from './xxhash64'
