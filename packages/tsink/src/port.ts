/** Port: one end of a line between two threads, and the messages on it. */
import type { ErrorCode, ErrorDetail } from '@tsink/core'

export interface Port {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void
  onMessage(take: (message: unknown) => void): void
}

/** The other thread, seen from where it was started. */
export interface Thread extends Port {
  /** Told when the thread ends by itself, or could not start. */
  onEnd(take: (reason: Error) => void): void
  end(): Promise<void>
}

/** From the front to the thread. */
export interface Call {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}

/** From the thread to the front: an answer to a call, or news that nobody asked for. */
export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: WireError }
  | { readonly news: 'error'; readonly error: WireError }
  | { readonly news: 'replay'; readonly done: number; readonly total: number }

/** An error as data. */
export interface WireError {
  readonly code: ErrorCode | null
  readonly message: string
  readonly detail: ErrorDetail
}
