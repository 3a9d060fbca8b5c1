/** Failures of the file system as errors of tsink: what was tried on which file, where, and what the system said. */
import { TsinkError, type ErrorCode } from '@tsink/core'

export function failure(code: ErrorCode, verb: string, path: string, cause: unknown, offset?: number): TsinkError {
  const errno = codeOf(cause)
  // A sync that finds no space has lost bytes that were acknowledged to the writer: that is a failed sync, not a full disk.
  const full = (errno === 'ENOSPC' || errno === 'EDQUOT') && code !== 'SYNC_FAILED'
  const where = offset === undefined ? '' : ` at byte ${offset}`
  return new TsinkError(full ? 'DISK_FULL' : code, `cannot ${verb} ${path}${where}: ${describe(cause)}`, {
    cause,
    detail: { file: path, errno, ...(offset === undefined ? {} : { offset }), ...(errno === 'ENOENT' ? { missing: true } : {}) },
  })
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? ''
}

function describe(cause: unknown): string {
  const message = (cause as Error).message ?? String(cause)
  // Node's messages end in the call and the path, which the sentence already says.
  return message.split(', ')[0]!
}
