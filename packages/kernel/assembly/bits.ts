// A stream of bits, most significant first: the writer, in module variables, one stream at a time.

let position: usize = 0
let pending: u64 = 0
let free: u64 = 64

export function beginBits(at: usize): void {
  position = at
  pending = 0
  free = 64
}

/** Writes the low `width` (1 to 64) bits of `value`; the bits above are zero. */
// @ts-ignore: decorator
@inline
export function putBits(value: u64, width: i32): void {
  const bits = <u64>width
  if (bits < free) {
    free -= bits
    pending |= value << free
    return
  }
  const rest = bits - free
  pending |= value >> rest
  store<u64>(position, bswap<u64>(pending))
  position += 8
  free = 64 - rest
  pending = rest == 0 ? 0 : value << free
}

/** Pads the last byte with zeros; answers the address behind it. */
export function endBits(): usize {
  for (let used: i64 = 64 - <i64>free; used > 0; used -= 8) {
    store<u8>(position++, <u8>(pending >> 56))
    pending <<= 8
  }
  return position
}
