// CRC32C (Castagnoli), sixteen bytes a step: sixteen tables, each the effect of a byte that is followed by 0 to 15 more bytes.

const TABLES = memory.data(16 * 256 * 4, 16)
let ready = false

function fillTables(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0x82f6_3b78 & (0 - (crc & 1)))
    store<u32>(TABLES + (byte << 2), crc)
  }
  for (let table: u32 = 1; table < 16; table++) {
    for (let byte: u32 = 0; byte < 256; byte++) {
      const before = load<u32>(TABLES + (((table - 1) << 10) | (byte << 2)))
      store<u32>(TABLES + ((table << 10) | (byte << 2)), (before >>> 8) ^ load<u32>(TABLES + ((before & 0xff) << 2)))
    }
  }
  ready = true
}

// @ts-ignore: decorator
@inline
function lookup(table: u32, byte: u32): u32 {
  return load<u32>(TABLES + ((table << 10) | (byte << 2)))
}

/** The checksum of `size` bytes at `address`, continued from `seed` (the checksum of what came before; 0 at the start). */
export function crc32c(address: usize, size: usize, seed: u32): u32 {
  if (!ready) fillTables()
  let crc = ~seed
  let at = address
  const end = address + size
  while (at + 16 <= end) {
    const a = load<u32>(at) ^ crc
    const b = load<u32>(at, 4)
    const c = load<u32>(at, 8)
    const d = load<u32>(at, 12)
    // What does not depend on the last step comes first.
    crc =
      lookup(11, b & 0xff) ^ lookup(10, (b >>> 8) & 0xff) ^ lookup(9, (b >>> 16) & 0xff) ^ lookup(8, b >>> 24) ^
      lookup(7, c & 0xff) ^ lookup(6, (c >>> 8) & 0xff) ^ lookup(5, (c >>> 16) & 0xff) ^ lookup(4, c >>> 24) ^
      lookup(3, d & 0xff) ^ lookup(2, (d >>> 8) & 0xff) ^ lookup(1, (d >>> 16) & 0xff) ^ lookup(0, d >>> 24) ^
      (lookup(15, a & 0xff) ^ lookup(14, (a >>> 8) & 0xff) ^ lookup(13, (a >>> 16) & 0xff) ^ lookup(12, a >>> 24))
    at += 16
  }
  while (at < end) {
    crc = (crc >>> 8) ^ lookup(0, (crc ^ load<u8>(at)) & 0xff)
    at++
  }
  return ~crc
}
