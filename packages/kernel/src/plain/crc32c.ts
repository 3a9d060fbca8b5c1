/** CRC32C in plain TypeScript: the twin of assembly/crc32c.ts, four bytes a step. */

let tables: Uint32Array | undefined

/** The CRC32C of `bytes`, continued from `seed`. Same answers as `crc32c`. */
export function crc32cPlain(bytes: Uint8Array, seed = 0): number {
  const table = (tables ??= makeTables())
  let crc = ~seed
  let at = 0
  for (const end = bytes.length - 3; at < end; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc = table[768 + (crc & 0xff)]! ^ table[512 + ((crc >>> 8) & 0xff)]! ^ table[256 + ((crc >>> 16) & 0xff)]! ^ table[crc >>> 24]!
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ table[(crc ^ bytes[at]!) & 0xff]!
  return ~crc >>> 0
}

// Table k is the effect of a byte that is followed by k more bytes.
function makeTables(): Uint32Array {
  const table = new Uint32Array(4 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0x82f6_3b78 & -(crc & 1))
    table[byte] = crc
  }
  for (let i = 256; i < table.length; i++) table[i] = (table[i - 256]! >>> 8) ^ table[table[i - 256]! & 0xff]!
  return table
}
