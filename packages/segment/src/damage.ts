/** Errors of kind corrupt on their way out of a segment: they learn which file they are about, and where in it. */
import { TsinkError } from '@tsink/core'

/**
 * The error with the file's path, and with `offset` (where in the file the part begins that was read) added to its own. Anything but an error of kind
 * corrupt that does not know its file yet is answered as it is.
 */
export function inFile(error: unknown, file: string, what: string, offset = 0): unknown {
  if (!(error instanceof TsinkError) || error.kind !== 'corrupt' || 'file' in error.detail) return error
  const within = error.detail['offset']
  return new TsinkError(error.code, `${file}, ${what}: ${error.message}`, {
    cause: error,
    detail: { ...error.detail, file, offset: offset + (typeof within === 'number' ? within : 0) },
  })
}
