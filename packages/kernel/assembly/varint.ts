// Varints of 64 bits, little-endian base 128. The reader answers by `varintValue`, since a function has one result.

export let varintValue: u64 = 0

// @ts-ignore: decorator
@inline
export function zigzag(value: i64): u64 {
  return <u64>((value << 1) ^ (value >> 63))
}

// @ts-ignore: decorator
@inline
export function unzigzag(value: u64): i64 {
  return <i64>(value >> 1) ^ -(<i64>(value & 1))
}

export function varintBytes(value: u64): i32 {
  return max(1, (70 - <i32>clz<u64>(value)) / 7)
}

export function writeVarint(at: usize, value: u64): usize {
  while (value >= 0x80) {
    store<u8>(at++, <u8>value | 0x80)
    value >>= 7
  }
  store<u8>(at++, <u8>value)
  return at
}

/** Reads a varint between `at` and `end`; answers the address behind it, or 0 when it is cut off or longer than 64 bits. */
export function readVarint(at: usize, end: usize): usize {
  let value: u64 = 0
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    if (at >= end) return 0
    const byte = <u64>load<u8>(at++)
    if (shift == 63 && byte > 1) return 0
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      varintValue = value
      return at
    }
  }
  return 0
}
