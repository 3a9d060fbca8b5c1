/**
 * The hash of the registry's tables. It lives in memory only.
 *
 * Two lanes take the words in turn; a word is rotated in before a multiplication with a number that follows from the registry's seed. Since
 * the factors are secret, nobody can prepare label sets that collide. Words are read through a DataView: one load where bytes would need four.
 */

/** A seed for {@link hashBytes} out of any number: one of which every bit counts, for factors that follow from a bare 0 or 1 would not mix. */
export function seedOf(number: number): number {
  return avalanche((number + 0x9e37_79b9) | 0)
}

/** The hash of the bytes from `start` up to `end` as an unsigned 32-bit number. */
export function hashBytes(view: DataView, start: number, end: number, seed: number): number {
  const factorA = Math.imul(seed, 0x9e37_79b1) | 1
  const factorB = Math.imul(seed, 0x85eb_ca77) | 1
  let a = seed ^ (end - start)
  let b = ~seed
  let at = start
  for (const last = end - 8; at <= last; at += 8) {
    a = mixed(a, view.getInt32(at, true), factorA)
    b = mixed(b, view.getInt32(at + 4, true), factorB)
  }
  if (at + 4 <= end) {
    a = mixed(a, view.getInt32(at, true), factorA)
    at += 4
  }
  for (; at < end; at++) b = mixed(b, view.getUint8(at), factorB)
  return avalanche(mixed(a, b, factorB))
}

/** Spreads every bit over all of them. */
function avalanche(word: number): number {
  let hash = word
  hash = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca77)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae3d)
  return (hash ^ (hash >>> 16)) >>> 0
}

function mixed(lane: number, word: number, factor: number): number {
  const sum = lane ^ word
  return Math.imul((sum << 15) | (sum >>> 17), factor) ^ (sum >>> 16)
}
