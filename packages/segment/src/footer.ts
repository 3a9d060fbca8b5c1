/** The fixed ends of a segment file: its header and its footer. See docs/format/segment.md. */
import { corruption, type ErrorDetail } from '@tsink/core'
import { crc32c } from '@tsink/codecs'

/** What a segment is, without its contents. */
export interface SegmentInfo {
  readonly id: number
  readonly level: number
  /** Relative to the disk's root. */
  readonly path: string
  /** All times of the segment are relative to it. A multiple of 2^13; 0 save in stores of nanoseconds. */
  readonly base: number
  /** Time of the first sample, relative to `base`. */
  readonly minTime: number
  /** Time of the last sample, relative to `base`. */
  readonly maxTime: number
  readonly minSequence: number
  readonly maxSequence: number
  readonly series: number
  readonly chunks: number
  readonly samples: number
  /** Size of the file. */
  readonly sizeBytes: number
  /** When it was made: ms since 1970. */
  readonly createdAt: number
}

export const SECTION_NAMES = ['values', 'series', 'postings', 'chunk index'] as const

export interface Section {
  readonly offset: number
  readonly storedBytes: number
  readonly rawBytes: number
  readonly checksum: number
  readonly isCompressed: boolean
}

export interface Footer {
  readonly info: SegmentInfo
  readonly chunksEnd: number
  readonly sections: readonly Section[]
}

export const HEADER_BYTES = 16
export const FOOTER_BYTES = 272
const FORMAT_VERSION = 1
const HEADER_MAGIC = 'tsinkseg'
const FOOTER_MAGIC = 'tsinkfot'
const SECTION_BYTES = 40
const SECTIONS_AT = 96
const VERSION_AT = 256
const CHECKSUM_AT = 260
const FOOTER_MAGIC_AT = 264
// What an index section may grow to when it is decompressed: far above any that is written, and a bound on what a hostile file can take.
const MAX_RAW_BYTES = 16 * 1024 * 1024
const MAX_RAW_RATIO = 1_024

export function encodeHeader(): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES)
  putText(bytes, 0, HEADER_MAGIC)
  new DataView(bytes.buffer).setUint32(8, FORMAT_VERSION, true)
  return bytes
}

export function checkHeader(bytes: Uint8Array, file: string): void {
  const expected = encodeHeader()
  const version = viewOf(bytes).getUint32(8, true)
  if (!hasText(bytes, 0, HEADER_MAGIC)) throw corruption('BAD_FORMAT', 'the file does not begin like a segment', { file, offset: 0 })
  if (version !== FORMAT_VERSION) throw unknownVersion(file, 8, version)
  if (bytes.some((byte, i) => byte !== expected[i]))
    throw corruption('BAD_FORMAT', 'the header of the segment is damaged', { file, offset: 12 })
}

export function encodeFooter(footer: Footer): Uint8Array {
  const bytes = new Uint8Array(FOOTER_BYTES)
  const view = new DataView(bytes.buffer)
  const { info } = footer
  const integers: [at: number, value: number][] = [
    [0, info.id],
    [8, info.level],
    [40, info.minSequence],
    [48, info.maxSequence],
    [56, info.series],
    [64, info.chunks],
    [72, info.samples],
    [80, info.createdAt],
    [88, footer.chunksEnd],
  ]
  for (const [at, value] of integers) putInteger(view, at, value)
  view.setFloat64(16, info.base, true)
  view.setFloat64(24, info.minTime, true)
  view.setFloat64(32, info.maxTime, true)
  for (let i = 0; i < footer.sections.length; i++) {
    const at = SECTIONS_AT + i * SECTION_BYTES
    const section = footer.sections[i]!
    putInteger(view, at, section.offset)
    putInteger(view, at + 8, section.storedBytes)
    putInteger(view, at + 16, section.rawBytes)
    view.setUint32(at + 24, section.checksum, true)
    view.setUint32(at + 28, section.isCompressed ? 1 : 0, true)
  }
  view.setUint32(VERSION_AT, FORMAT_VERSION, true)
  view.setUint32(CHECKSUM_AT, crc32c(bytes.subarray(0, CHECKSUM_AT)), true)
  putText(bytes, FOOTER_MAGIC_AT, FOOTER_MAGIC)
  return bytes
}

/** @throws TsinkError of kind corrupt unless the footer is whole and its parts fill a file of `sizeBytes` exactly. */
export function decodeFooter(bytes: Uint8Array, file: string, sizeBytes: number): Footer {
  const view = viewOf(bytes)
  const start = sizeBytes - FOOTER_BYTES
  if (!hasText(bytes, FOOTER_MAGIC_AT, FOOTER_MAGIC)) {
    throw corruption('BAD_FORMAT', 'the file does not end like a segment', { file, offset: start + FOOTER_MAGIC_AT })
  }
  const expected = view.getUint32(CHECKSUM_AT, true)
  const found = crc32c(bytes.subarray(0, CHECKSUM_AT))
  if (found !== expected) throw corruption('CHECKSUM', 'the footer of the segment is damaged', { file, offset: start, expected, found })
  const version = view.getUint32(VERSION_AT, true)
  if (version !== FORMAT_VERSION) throw unknownVersion(file, start + VERSION_AT, version)
  const integer = (at: number): number => {
    const value = view.getUint32(at, true) + view.getUint32(at + 4, true) * 4_294_967_296
    if (value > Number.MAX_SAFE_INTEGER)
      throw corruption('BAD_FORMAT', 'a number of the footer is above 2^53', { file, offset: start + at })
    return value
  }
  const sections: Section[] = []
  const chunksEnd = integer(88)
  let end = chunksEnd
  for (let i = 0; i < SECTION_NAMES.length; i++) {
    const at = SECTIONS_AT + i * SECTION_BYTES
    const flags = view.getUint32(at + 28, true)
    const section = {
      offset: integer(at),
      storedBytes: integer(at + 8),
      rawBytes: integer(at + 16),
      checksum: view.getUint32(at + 24, true),
      isCompressed: flags === 1,
    }
    const where: ErrorDetail = { file, offset: start + at }
    if (section.offset !== end) {
      throw corruption('BAD_FORMAT', `the section ${SECTION_NAMES[i]} is not where the one before ends`, {
        ...where,
        expected: end,
        found: section.offset,
      })
    }
    if (
      flags > 1 ||
      section.rawBytes > MAX_RAW_BYTES + MAX_RAW_RATIO * sizeBytes ||
      (!section.isCompressed && section.rawBytes !== section.storedBytes)
    ) {
      throw corruption('BAD_FORMAT', `the section ${SECTION_NAMES[i]} is described wrongly`, where)
    }
    end += section.storedBytes
    sections.push(section)
  }
  if (chunksEnd < HEADER_BYTES || end !== start) {
    throw corruption('BAD_FORMAT', 'the parts of the segment do not fill the file', { file, offset: start, expected: start, found: end })
  }
  const info: SegmentInfo = {
    id: integer(0),
    level: integer(8),
    path: file,
    base: view.getFloat64(16, true),
    minTime: view.getFloat64(24, true),
    maxTime: view.getFloat64(32, true),
    minSequence: integer(40),
    maxSequence: integer(48),
    series: integer(56),
    chunks: integer(64),
    samples: integer(72),
    sizeBytes,
    createdAt: integer(80),
  }
  return { info, chunksEnd, sections }
}

function unknownVersion(file: string, offset: number, found: number): Error {
  return corruption('UNKNOWN_VERSION', 'the segment has a format that this tsink does not know', {
    file,
    offset,
    expected: FORMAT_VERSION,
    found,
  })
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function putInteger(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 4_294_967_296, true)
  view.setUint32(at + 4, Math.floor(value / 4_294_967_296), true)
}

function putText(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
}

function hasText(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false
  return true
}
