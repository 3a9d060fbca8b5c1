/**
 * Label check: whether bytes are the canonical bytes of a label set that can be stored. A burst of new series must not stall the store, so plain
 * ASCII labels, which is nearly all of them, are checked where they lie; only the rest are decoded, for an exact verdict and message.
 */
import { decodeLabels, encodeLabels, Labels, labelsProblem, LIMITS } from '@tsink/core'

/** What is wrong with label bytes, or null. */
export function labelBytesProblem(bytes: Uint8Array): string | null {
  return isPlainAndSound(bytes) ? null : exactProblem(bytes)
}

/** True when the bytes are surely sound; false when only decoding tells. */
function isPlainAndSound(bytes: Uint8Array): boolean {
  const end = bytes.length
  let at = 0
  let labels = 0
  // Where the name before starts, and how long it is.
  let lastStart = 0
  let lastLength = 0
  while (at < end) {
    const nameLength = bytes[at]!
    const nameStart = at + 1
    // Lengths of two bytes and more are left to the exact check.
    if (nameLength === 0 || nameLength >= 0x80) return false
    at = nameStart + nameLength
    if (at >= end || (labels > 0 && !isBefore(bytes, lastStart, lastLength, nameStart, nameLength))) return false
    const valueLength = bytes[at]!
    if (valueLength === 0 || valueLength >= 0x80) return false
    at += 1 + valueLength
    lastStart = nameStart
    lastLength = nameLength
    labels++
  }
  if (at !== end || labels === 0 || labels > LIMITS.labelsPerSeries) return false
  // Lengths are below 0x80 as well, so one loop over all bytes tells whether the texts are ASCII.
  for (let i = 0; i < end; i++) if (bytes[i]! >= 0x80) return false
  return true
}

/** Whether one name comes before another, byte by byte. */
function isBefore(bytes: Uint8Array, a: number, aLength: number, b: number, bLength: number): boolean {
  const shared = Math.min(aLength, bLength)
  for (let i = 0; i < shared; i++) if (bytes[a + i] !== bytes[b + i]) return bytes[a + i]! < bytes[b + i]!
  return aLength < bLength
}

function exactProblem(bytes: Uint8Array): string | null {
  try {
    const labels = decodeLabels(bytes)
    if (labels.size === 0) return 'the series has no labels'
    const problem = labelsProblem(labels)
    if (problem !== null) return problem
    const again = encodeLabels(Labels.from(labels))
    const isCanonical = again.length === bytes.length && again.every((byte, i) => byte === bytes[i])
    return isCanonical ? null : 'the label bytes are not sorted, unique and without empty values'
  } catch (error) {
    return (error as Error).message
  }
}
