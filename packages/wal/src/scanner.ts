/**
 * Scanner: the records of one log file, read in bounded slices.
 *
 * A slice of the file lies in one buffer that all files share; a record's payload is a view of it. Records start at multiples of 8 and slices
 * at records, so payloads are aligned in memory as well.
 */
import { crc32c } from '@tsink/kernel'
import type { DiskFile } from '@tsink/host'
import {
  encodeFileHeader,
  FILE_HEADER_BYTES,
  fileSeed,
  FORMAT_VERSION,
  getInteger,
  MAX_PAYLOAD_BYTES,
  RECORD_HEADER_BYTES,
  recordBytes,
} from './record.ts'

const SLICE_BYTES = 1_048_576

/** Why bytes are not a record. */
export interface Fault {
  readonly code: 'CHECKSUM' | 'TRUNCATED' | 'BAD_FORMAT' | 'UNKNOWN_VERSION'
  readonly what: string
  readonly expected: number
  readonly found: number
}

export class Scanner {
  readonly number: number
  readonly sizeBytes: number
  readonly #file: DiskFile
  readonly #seed: number
  #buffer: Uint8Array
  #view: DataView
  // The buffer holds the file's bytes from #from to #to.
  #from = 0
  #to = 0

  // What `at` found: fields rather than an object for each record.
  type = 0
  sequence = 0
  /** View of the buffer, valid until the next call. */
  payload: Uint8Array = new Uint8Array(0)
  /** Where the record ends and the next begins. */
  end = 0

  /** `buffer` is memory to begin with; take {@link buffer} for the next scanner. */
  constructor(file: DiskFile, number: number, buffer?: Uint8Array) {
    this.#file = file
    this.number = number
    this.sizeBytes = file.sizeBytes
    this.#seed = fileSeed(number)
    const sliceBytes = Math.min(SLICE_BYTES, this.sizeBytes)
    this.#buffer = buffer !== undefined && buffer.length >= sliceBytes ? buffer : new Uint8Array(sliceBytes)
    this.#view = new DataView(this.#buffer.buffer)
  }

  get buffer(): Uint8Array {
    return this.#buffer
  }

  /** What is wrong with the file's header, or null. */
  header(): Fault | null {
    if (this.sizeBytes < FILE_HEADER_BYTES) {
      return { code: 'TRUNCATED', what: 'the log file ends inside its header', expected: FILE_HEADER_BYTES, found: this.sizeBytes }
    }
    this.#load(0, FILE_HEADER_BYTES)
    const expected = encodeFileHeader(this.number)
    const found = this.#buffer.subarray(0, FILE_HEADER_BYTES)
    const checksum = crc32c(found.subarray(0, 28))
    const stored = this.#view.getUint32(28, true)
    if (checksum !== stored) return { code: 'CHECKSUM', what: 'the header of the log file is damaged', expected: stored, found: checksum }
    const version = this.#view.getUint32(8, true)
    if (version !== FORMAT_VERSION) {
      return {
        code: 'UNKNOWN_VERSION',
        what: 'the log file has a format that this tsink does not know',
        expected: FORMAT_VERSION,
        found: version,
      }
    }
    const number = getInteger(this.#view, 16)
    if (found.some((byte, i) => byte !== expected[i])) {
      return {
        code: 'BAD_FORMAT',
        what: 'the header of the log file is not that of a file of this name',
        expected: this.number,
        found: number,
      }
    }
    return null
  }

  /** Reads the record at `offset`, which is before the end of the file. Null when it is whole: then the fields hold it. */
  at(offset: number): Fault | null {
    const left = this.sizeBytes - offset
    if (left < RECORD_HEADER_BYTES) {
      return { code: 'TRUNCATED', what: 'the log file ends inside the header of a record', expected: RECORD_HEADER_BYTES, found: left }
    }
    const headerFault = this.#header(offset)
    if (headerFault !== null) return headerFault
    const length = this.#view.getUint32(offset - this.#from + 8, true)
    const bytes = recordBytes(length)
    this.end = offset + bytes
    if (bytes > left) return { code: 'TRUNCATED', what: 'the log file ends inside a record', expected: bytes, found: left }
    this.#load(offset, bytes)
    const at = offset - this.#from
    this.type = this.#buffer[at + 12]!
    this.sequence = getInteger(this.#view, at + 16)
    const body = this.#buffer.subarray(at + RECORD_HEADER_BYTES, at + bytes)
    const stored = this.#view.getUint32(at + 4, true)
    const checksum = crc32c(body)
    if (checksum !== stored) return { code: 'CHECKSUM', what: 'a record of the log is damaged', expected: stored, found: checksum }
    this.payload = body.subarray(0, length)
    return null
  }

  /** The offset of the first whole record after `offset`, or the size of the file. The fields hold that record. */
  findAfter(offset: number): number {
    for (let at = Math.floor(offset / 8) * 8 + 8; at + RECORD_HEADER_BYTES <= this.sizeBytes; at += 8) {
      if (this.#header(at) === null && this.at(at) === null) return at
    }
    return this.sizeBytes
  }

  /** Copies bytes of the file, whatever they are. */
  copy(from: number, to: number): Uint8Array {
    const bytes = new Uint8Array(to - from)
    this.#file.readSync(bytes, from)
    return bytes
  }

  #header(offset: number): Fault | null {
    this.#load(offset, RECORD_HEADER_BYTES)
    const at = offset - this.#from
    const stored = this.#view.getUint32(at, true)
    const seed = (this.#seed + offset) % 4_294_967_296
    const checksum = crc32c(this.#buffer.subarray(at + 4, at + RECORD_HEADER_BYTES), seed)
    if (checksum !== stored)
      return { code: 'CHECKSUM', what: 'the header of a record of the log is damaged', expected: stored, found: checksum }
    const length = this.#view.getUint32(at + 8, true)
    if (length > MAX_PAYLOAD_BYTES) {
      return { code: 'BAD_FORMAT', what: 'a record of the log is longer than any may be', expected: MAX_PAYLOAD_BYTES, found: length }
    }
    return null
  }

  // Makes the buffer hold `length` bytes from `offset` on; they are within the file.
  #load(offset: number, length: number): void {
    if (offset >= this.#from && offset + length <= this.#to) return
    if (length > this.#buffer.length) {
      this.#buffer = new Uint8Array(length)
      this.#view = new DataView(this.#buffer.buffer)
    }
    this.#from = offset
    const want = Math.min(this.#buffer.length, this.sizeBytes - offset)
    this.#to = offset + this.#file.readSync(this.#buffer.subarray(0, want), offset)
    // Only another process can shorten a file in between; what is missing is zeros and fails its checksum.
    if (this.#to < offset + length) {
      this.#buffer.fill(0, this.#to - offset, length)
      this.#to = offset + length
    }
  }
}
