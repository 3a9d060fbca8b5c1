/** Bytes as text: validity, decoding and the one shared pair of coders. Short ASCII, which is nearly everything, never leaves the loop. */

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()

/** Whether the bytes from `start` to `end` are well-formed UTF-8: shortest forms, no surrogates, nothing above U+10FFFF. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  while (at < end) {
    const lead = bytes[at++]!
    if (lead < 0x80) continue
    if (lead < 0xc2 || lead > 0xf4) return false
    let low = 0x80
    let high = 0xbf
    let more = 1
    if (lead >= 0xf0) {
      more = 3
      if (lead === 0xf0) low = 0x90
      if (lead === 0xf4) high = 0x8f
    } else if (lead >= 0xe0) {
      more = 2
      if (lead === 0xe0) low = 0xa0
      if (lead === 0xed) high = 0x9f
    }
    if (at + more > end) return false
    if (bytes[at]! < low || bytes[at]! > high) return false
    for (let i = 1; i < more; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return false
    at += more
  }
  return true
}

/** The text of the bytes from `start` to `end`; what is not UTF-8 becomes U+FFFD, so check first where that matters. */
export function textOf(bytes: Uint8Array, start: number = 0, end: number = bytes.length): string {
  if (end - start > 32) return decoder.decode(bytes.subarray(start, end))
  let text = ''
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte >= 0x80) return decoder.decode(bytes.subarray(start, end))
    text += String.fromCharCode(byte)
  }
  return text
}

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Writes a text, for which there is room, and answers how many bytes it took. Lone surrogates become U+FFFD. */
export function encodeInto(text: string, into: Uint8Array, at: number): number {
  return encoder.encodeInto(text, into.subarray(at)).written
}

/** How many characters a text has, as Unicode counts them. */
export function codePoints(text: string): number {
  let count = text.length
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) count--
  return count
}

/** A few bytes for an error message: as text, escaped and cut. */
export function excerpt(bytes: Uint8Array, start: number, end: number): string {
  const stop = Math.min(end, start + 40)
  return JSON.stringify(textOf(bytes, start, stop)) + (stop < end ? '...' : '')
}
