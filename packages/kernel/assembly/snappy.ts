// Snappy blocks. Source and destination have 64 bytes of slack behind them, so that short runs are copied in whole vectors: what is
// written too far is overwritten by the next element or lies in the slack. The twin is src/plain/snappy.ts, with the same problem numbers.

/** Decodes the elements from `source` to `sourceEnd` to `size` bytes at `target`. Answers 0, or a negative problem. */
export function snappyDecode(source: usize, sourceEnd: usize, target: usize, size: usize): i32 {
  let from = source
  let at = target
  const end = target + size
  while (from < sourceEnd) {
    const tag = <u32>load<u8>(from++)
    let length: usize
    let offset: usize
    if ((tag & 3) == 0) {
      length = tag >> 2
      if (length >= 60) {
        const extra = length - 59
        if (sourceEnd - from < extra) return -1
        length = load<u32>(from) & ((<u32>0xffff_ffff) >>> ((4 - <u32>extra) << 3))
        from += extra
        if (length == 0xffff_ffff) return -2
      }
      length++
      if (length > sourceEnd - from || length > end - at) return -2
      if (length <= 16) v128.store(at, v128.load(from))
      else memory.copy(at, from, length)
      from += length
      at += length
      continue
    }
    if ((tag & 3) == 1) {
      if (from >= sourceEnd) return -1
      length = ((tag >> 2) & 7) + 4
      offset = ((tag >> 5) << 8) | load<u8>(from)
      from += 1
    } else if ((tag & 3) == 2) {
      if (sourceEnd - from < 2) return -1
      length = (tag >> 2) + 1
      offset = load<u16>(from)
      from += 2
    } else {
      if (sourceEnd - from < 4) return -1
      length = (tag >> 2) + 1
      offset = load<u32>(from)
      from += 4
    }
    if (offset == 0 || offset > at - target) return -3
    if (length > end - at) return -4
    const back = at - offset
    if (offset >= 16) {
      v128.store(at, v128.load(back))
      if (length > 16) {
        v128.store(at + 16, v128.load(back + 16))
        if (length > 32) {
          v128.store(at + 32, v128.load(back + 32))
          v128.store(at + 48, v128.load(back + 48))
        }
      }
    } else if (offset >= 8) {
      for (let i: usize = 0; i < length; i += 8) store<u64>(at + i, load<u64>(back + i))
    } else {
      for (let i: usize = 0; i < length; i++) store<u8>(at + i, load<u8>(back + i))
    }
    at += length
  }
  return at == end ? 0 : -5
}

const BLOCK: usize = 65_536
const TABLE_BITS = 14
const TABLE = memory.data(2 << TABLE_BITS, 16)
const MARGIN: usize = 15

/** Writes the elements for `size` bytes at `source` to `target` and answers where they end. */
export function snappyEncode(source: usize, size: usize, target: usize): usize {
  let at = target
  for (let from: usize = 0; from < size; from += BLOCK) {
    const stop = from + BLOCK < size ? from + BLOCK : size
    at = encodeBlock(source + from, source + stop, at)
  }
  return at
}

// @ts-ignore: decorator
@inline
function hash(at: usize): u32 {
  return (load<u32>(at) * 0x1e35_a7bd) >>> (32 - TABLE_BITS)
}

function encodeBlock(base: usize, end: usize, target: usize): usize {
  let at = target
  let literal = base
  if (end - base > MARGIN) {
    memory.fill(TABLE, 0, 2 << TABLE_BITS)
    const last = end - MARGIN
    let from = base + 1
    let next = hash(from)
    let searching = true
    while (searching) {
      let skip: usize = 32
      let candidate: usize = 0
      let look = from
      while (true) {
        from = look
        look = from + (skip >> 5)
        skip++
        if (look > last) {
          searching = false
          break
        }
        candidate = base + load<u16>(TABLE + (<usize>next << 1))
        store<u16>(TABLE + (<usize>next << 1), <u16>(from - base))
        next = hash(look)
        if (candidate < from && load<u32>(candidate) == load<u32>(from)) break
      }
      if (!searching) break
      if (literal < from) at = encodeLiteral(literal, from, at)
      while (true) {
        const matched = from
        from += 4
        candidate += 4
        while (from + 8 <= end && load<u64>(from) == load<u64>(candidate)) {
          from += 8
          candidate += 8
        }
        while (from < end && load<u8>(from) == load<u8>(candidate)) {
          from++
          candidate++
        }
        at = encodeCopy(from - candidate, from - matched, at)
        literal = from
        if (from >= last) {
          searching = false
          break
        }
        store<u16>(TABLE + (<usize>hash(from - 1) << 1), <u16>(from - 1 - base))
        const here = TABLE + (<usize>hash(from) << 1)
        candidate = base + load<u16>(here)
        store<u16>(here, <u16>(from - base))
        if (candidate >= from || load<u32>(candidate) != load<u32>(from)) break
      }
      if (!searching) break
      from++
      next = hash(from)
    }
  }
  return literal < end ? encodeLiteral(literal, end, at) : at
}

function encodeLiteral(from: usize, to: usize, target: usize): usize {
  let at = target
  const rest = <u32>(to - from - 1)
  if (rest < 60) store<u8>(at++, rest << 2)
  else if (rest < 256) {
    store<u8>(at, 60 << 2)
    store<u8>(at + 1, rest)
    at += 2
  } else {
    store<u8>(at, 61 << 2)
    store<u16>(at + 1, rest)
    at += 3
  }
  memory.copy(at, from, to - from)
  return at + (to - from)
}

function encodeCopy(offset: usize, size: usize, target: usize): usize {
  let at = target
  let length = size
  while (length >= 68) {
    at = encodeLongCopy(offset, 64, at)
    length -= 64
  }
  if (length > 64) {
    at = encodeLongCopy(offset, 60, at)
    length -= 60
  }
  if (length >= 12 || offset >= 2_048) return encodeLongCopy(offset, length, at)
  store<u8>(at, ((offset >> 8) << 5) | ((length - 4) << 2) | 1)
  store<u8>(at + 1, offset)
  return at + 2
}

// @ts-ignore: decorator
@inline
function encodeLongCopy(offset: usize, length: usize, at: usize): usize {
  store<u8>(at, ((length - 1) << 2) | 2)
  store<u16>(at + 1, <u16>offset)
  return at + 3
}
