/** Texts of the values section: UTF-8 with the length in front, as in canonical label bytes. */

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const strictDecoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })

/** Lengths take three bytes at most: no label's text is longer. */
export const MAX_TEXT_BYTES = 0x20_0000

/** Size of the text whose length stands at `at`, the length included. */
export function textBytes(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!
  if (first < 0x80) return 1 + first
  const second = bytes[at + 1]!
  if (second < 0x80) return 2 + (first & 0x7f) + second * 0x80
  return 3 + (first & 0x7f) + (second & 0x7f) * 0x80 + bytes[at + 2]! * 0x4000
}

/** Size of the length alone. */
export function lengthBytes(bytes: Uint8Array, at: number): number {
  return bytes[at]! < 0x80 ? 1 : bytes[at + 1]! < 0x80 ? 2 : 3
}

/** Order of two texts with their lengths in front. */
export function compareTexts(bytes: Uint8Array, a: number, b: number): number {
  const aStart = a + lengthBytes(bytes, a)
  const bStart = b + lengthBytes(bytes, b)
  const aSize = textBytes(bytes, a) - (aStart - a)
  const bSize = textBytes(bytes, b) - (bStart - b)
  const shared = Math.min(aSize, bSize)
  for (let i = 0; i < shared; i++) if (bytes[aStart + i] !== bytes[bStart + i]) return bytes[aStart + i]! - bytes[bStart + i]!
  return aSize - bSize
}

/** Order of two runs of bytes. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** The text of the bytes from `from` to `to`. */
export function decodeText(bytes: Uint8Array, from: number, to: number): string {
  return shortAscii(bytes, from, to) ?? decoder.decode(bytes.subarray(from, to))
}

/** The same. @throws TypeError when the bytes are not UTF-8. */
export function decodeTextStrictly(bytes: Uint8Array, from: number, to: number): string {
  return shortAscii(bytes, from, to) ?? strictDecoder.decode(bytes.subarray(from, to))
}

/** Most texts, for which a loop beats the decoder; null for others. */
function shortAscii(bytes: Uint8Array, from: number, to: number): string | null {
  if (to - from > 24) return null
  let text = ''
  for (let at = from; at < to; at++) {
    if (bytes[at]! >= 0x80) return null
    text += String.fromCharCode(bytes[at]!)
  }
  return text
}
