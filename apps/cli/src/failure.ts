/**
 * Failure: how the command line ends when something is wrong. One line on standard error says what; 2 means that the user must change
 * something, 1 that the work failed.
 */
import { CommanderError } from 'commander'
import { TsinkError } from '@tsink/core'

/** What a command throws to end with a status after it has said everything itself. */
export class Exit extends Error {
  readonly status: number
  constructor(status: number) {
    super(`exit ${status}`)
    this.status = status
  }
}

/** Says what went wrong and returns the exit status. */
export function exitStatusOf(error: unknown): number {
  if (error instanceof Exit) return error.status
  // Commander has written its own line already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof TsinkError) {
    process.stderr.write(`tsink: ${error.message}\n`)
    return error.kind === 'invalid' || error.code === 'LOCKED' ? 2 : 1
  }
  const code = (error as NodeJS.ErrnoException).code
  if (error instanceof Error && (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')) {
    process.stderr.write(`tsink: ${error.message}\n`)
    return 2
  }
  process.stderr.write(`tsink: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return 1
}
