/**
 * The hash of the registry's tables. It lives in memory only.
 *
 * Two lanes take the words in turn; a word is rotated in before a multiplication with a number that follows from the registry's seed. Since
 * the factors are secret, nobody can prepare label sets that collide. Words are read through a DataView: one load where bytes would need four.
 */

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
  let hash = mixed(a, b, factorB)
  hash = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca77)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae3d)
  return (hash ^ (hash >>> 16)) >>> 0
}

function mixed(lane: number, word: number, factor: number): number {
  const sum = lane ^ word
  return Math.imul((sum << 15) | (sum >>> 17), factor) ^ (sum >>> 16)
}
