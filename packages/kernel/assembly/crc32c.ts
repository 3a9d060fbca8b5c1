// CRC32C (Castagnoli), eight bytes a step: eight tables, each the effect of a byte that is followed by 0 to 7 more bytes.

const TABLES = memory.data(8 * 256 * 4, 8)
let ready = false

function fillTables(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0x82f6_3b78 & (0 - (crc & 1)))
    store<u32>(TABLES + (byte << 2), crc)
  }
  for (let table: u32 = 1; table < 8; table++) {
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
  while (at + 8 <= end) {
    const low = load<u32>(at) ^ crc
    const high = load<u32>(at + 4)
    crc =
      lookup(7, low & 0xff) ^ lookup(6, (low >>> 8) & 0xff) ^ lookup(5, (low >>> 16) & 0xff) ^ lookup(4, low >>> 24) ^
      lookup(3, high & 0xff) ^ lookup(2, (high >>> 8) & 0xff) ^ lookup(1, (high >>> 16) & 0xff) ^ lookup(0, high >>> 24)
    at += 8
  }
  while (at < end) {
    crc = (crc >>> 8) ^ lookup(0, (crc ^ load<u8>(at)) & 0xff)
    at++
  }
  return ~crc
}
