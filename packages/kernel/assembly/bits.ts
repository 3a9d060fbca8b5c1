// A stream of bits, least significant first (WebAssembly cannot swap bytes): the writer, in module variables, one stream at a time.

let position: usize = 0
let pending: u64 = 0
let filled: u64 = 0

export function beginBits(at: usize): void {
  position = at
  pending = 0
  filled = 0
}

/** Writes the low `width` (1 to 64) bits of `value`; the bits above are zero. */
// @ts-ignore: decorator
@inline
export function putBits(value: u64, width: i32): void {
  pending |= value << filled
  filled += width
  if (filled < 64) return
  store<u64>(position, pending)
  position += 8
  filled -= 64
  pending = filled == 0 ? 0 : value >> (<u64>width - filled)
}

/** Pads the last byte with zeros; answers the address behind it. */
export function endBits(): usize {
  for (let left = <i64>filled; left > 0; left -= 8) {
    store<u8>(position++, <u8>pending)
    pending >>= 8
  }
  return position
}
