/** The bytes of log files and records, see docs/format/log.md. */
import { assert } from '@tsink/core'
import { crc32c } from '@tsink/kernel'
import type { Position } from './position.ts'

export const FORMAT_VERSION = 1
export const FILE_HEADER_BYTES = 32
export const RECORD_HEADER_BYTES = 24
export const MARK_TYPE = 0
const MARK_PAYLOAD_BYTES = 24
/** What a mark takes in the file. */
export const MARK_BYTES: number = RECORD_HEADER_BYTES + MARK_PAYLOAD_BYTES

/** The longest payload: 64 MiB. A batch is cut long before; the bound is what a reader may have to hold at once. */
export const MAX_PAYLOAD_BYTES: number = 64 * 1024 * 1024

const MAGIC = 'tsinklog'
const TWO_32 = 4_294_967_296

/** `000000000007.log`. */
export function fileName(number: number): string {
  return `${String(number).padStart(12, '0')}.log`
}

/** The number of a log file's name, or 0 when it is no such name. */
export function fileNumber(name: string): number {
  return /^\d{12}\.log$/.test(name) ? Number(name.slice(0, 12)) : 0
}

export function encodeFileHeader(number: number): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i)
  view.setUint32(8, FORMAT_VERSION, true)
  setInteger(view, 16, number)
  view.setUint32(28, crc32c(bytes.subarray(0, 28)), true)
  return bytes
}

/** What the checksums of a file's record headers start from. */
export function fileSeed(number: number): number {
  return new DataView(encodeFileHeader(number).buffer).getUint32(28, true)
}

/** Bytes of a record in the file, padding included. */
export function recordBytes(payloadBytes: number): number {
  return RECORD_HEADER_BYTES + ((payloadBytes + 7) & ~7)
}

/**
 * Writes a record into `bytes` at `at`; `offset` is where it will stand in the file. Answers where the next record goes.
 * `view` is of the same memory as `bytes`.
 */
export function encodeRecord(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  seed: number,
  offset: number,
  type: number,
  sequence: number,
  payload: Uint8Array,
): number {
  const end = at + recordBytes(payload.length)
  const payloadAt = at + RECORD_HEADER_BYTES
  bytes.set(payload, payloadAt)
  bytes.fill(0, payloadAt + payload.length, end)
  view.setUint32(at + 4, crc32c(bytes.subarray(payloadAt, end)), true)
  view.setUint32(at + 8, payload.length, true)
  view.setUint32(at + 12, type, true)
  setInteger(view, at + 16, sequence)
  view.setUint32(at, crc32c(bytes.subarray(at + 4, payloadAt), (seed + offset) % TWO_32), true)
  return end
}

/** What a mark says. */
export interface Mark {
  /** Every byte before it was durable. */
  readonly durable: Position
  /** The size of the file before the mark's, 0 when there is none. */
  readonly sizeBefore: number
}

export function encodeMark(durable: Position, sizeBefore: number): Uint8Array {
  const payload = new Uint8Array(MARK_PAYLOAD_BYTES)
  const view = new DataView(payload.buffer)
  setInteger(view, 0, durable.file)
  setInteger(view, 8, durable.offset)
  setInteger(view, 16, sizeBefore)
  return payload
}

/** The mark of a payload; null when the payload has another length. */
export function decodeMark(payload: Uint8Array): Mark | null {
  if (payload.length !== MARK_PAYLOAD_BYTES) return null
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  return { durable: { file: getInteger(view, 0), offset: getInteger(view, 8) }, sizeBefore: getInteger(view, 16) }
}

export function setInteger(view: DataView, at: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, 'a number in the log is a safe integer')
  view.setUint32(at, value % TWO_32, true)
  view.setUint32(at + 4, Math.floor(value / TWO_32), true)
}

/** May be above the safe integers when the bytes are damaged; the checksum has spoken by then. */
export function getInteger(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * TWO_32 + view.getUint32(at, true)
}
