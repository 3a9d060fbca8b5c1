/**
 * MD5 (RFC 1321), for `hashmod` only, whose shards must be those of every other scraper: there it spreads labels and protects nothing.
 */

/** The last eight bytes of a text's MD5 as one big-endian number, modulo `modulus`, in decimal. */
export function md5Low64Modulo(text: string, modulus: number): string {
  const words = md5(new TextEncoder().encode(text))
  // Once for each new label set, so a BigInt costs nothing that counts.
  const low = (BigInt(swapped(words[2]!)) << 32n) | BigInt(swapped(words[3]!))
  return (low % BigInt(modulus)).toString()
}

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21] as const
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32))

/** The four little-endian words of the digest. */
function md5(message: Uint8Array): Uint32Array {
  const padded = new Uint8Array(((message.length + 8) >>> 6) * 64 + 64)
  padded.set(message)
  padded[message.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, message.length << 3, true)
  view.setUint32(padded.length - 4, message.length >>> 29, true)
  const state = Uint32Array.of(0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476)
  for (let block = 0; block < padded.length; block += 64) addBlock(state, view, block)
  return state
}

function addBlock(state: Uint32Array, view: DataView, block: number): void {
  let a = state[0]! | 0
  let b = state[1]! | 0
  let c = state[2]! | 0
  let d = state[3]! | 0
  for (let i = 0; i < 64; i++) {
    const round = i >>> 4
    let mixed: number
    let word: number
    if (round === 0) [mixed, word] = [(b & c) | (~b & d), i]
    else if (round === 1) [mixed, word] = [(d & b) | (~d & c), (5 * i + 1) & 15]
    else if (round === 2) [mixed, word] = [b ^ c ^ d, (3 * i + 5) & 15]
    else [mixed, word] = [c ^ (b | ~d), (7 * i) & 15]
    const sum = (a + mixed + SINES[i]! + view.getInt32(block + word * 4, true)) | 0
    const shift = SHIFTS[round * 4 + (i & 3)]!
    a = d
    d = c
    c = b
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0
  }
  state[0] = state[0]! + a
  state[1] = state[1]! + b
  state[2] = state[2]! + c
  state[3] = state[3]! + d
}

function swapped(word: number): number {
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
}
