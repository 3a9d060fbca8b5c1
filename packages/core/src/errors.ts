/**
 * Errors: one class, with codes as the contract and a kind that tells the caller what to do.
 *
 * A kind is the caller's next move; a code is one precise cause. Only a server's edge turns kinds into statuses. A rejected sample is data
 * in the append's answer and never an error; a bug is an {@link assert}, which stays on in production.
 */

/** What the caller should do about the error. */
export type ErrorKind =
  /** Fix the request and send it again. */
  | 'invalid'
  /** Stop: not allowed. */
  | 'denied'
  /** Retry later: a limit was reached. */
  | 'limited'
  /** Retry elsewhere or after a restart: this store cannot serve now. */
  | 'unavailable'
  /** Tell the operator: stored bytes are damaged; the damaged unit is set aside. */
  | 'corrupt'
  /** Tell the operator: the outside failed; the writer stops. */
  | 'io'

/** Every code with its kind: the whole vocabulary of failures, in one place. */
export const ERROR_KINDS = {
  BAD_LABEL: 'invalid',
  BAD_QUERY: 'invalid',
  BAD_RANGE: 'invalid',
  BAD_REGEX: 'invalid',
  BAD_REQUEST: 'invalid',
  BAD_CONFIG: 'invalid',
  TYPE_MISMATCH: 'invalid',
  TOO_LARGE: 'invalid',
  UNSUPPORTED: 'invalid',
  /** A well-formed query that cannot be evaluated on this data, for instance many-to-many matching. */
  EXECUTION: 'invalid',
  UNAUTHENTICATED: 'denied',
  FORBIDDEN: 'denied',
  MEMORY_BUDGET: 'limited',
  SERIES_LIMIT: 'limited',
  LOG_FULL: 'limited',
  QUERY_SAMPLES: 'limited',
  QUERY_SERIES: 'limited',
  QUERY_MEMORY: 'limited',
  OVERLOADED: 'limited',
  CLOSED: 'unavailable',
  LOCKED: 'unavailable',
  READ_ONLY: 'unavailable',
  NO_QUORUM: 'unavailable',
  DEADLINE: 'unavailable',
  CANCELED: 'unavailable',
  CHECKSUM: 'corrupt',
  TRUNCATED: 'corrupt',
  BAD_FORMAT: 'corrupt',
  UNKNOWN_VERSION: 'corrupt',
  READ_FAILED: 'io',
  WRITE_FAILED: 'io',
  SYNC_FAILED: 'io',
  DISK_FULL: 'io',
} as const

/** One precise cause. */
export type ErrorCode = keyof typeof ERROR_KINDS

/** Structured facts about an error: `file`, `offset`, `expected`, `found`, `limit`, `flag`, `line`, `column` and the like. */
export type ErrorDetail = Readonly<Record<string, string | number | bigint | boolean>>

/** The one error class of tsink. `code` is stable and machine-readable, `message` is for people. */
export class TsinkError extends Error {
  override readonly name = 'TsinkError'
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly detail: ErrorDetail

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; detail?: ErrorDetail } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.kind = ERROR_KINDS[code]
    this.detail = options.detail ?? {}
  }
}

/** Stored bytes are damaged: says where, and where it can what was expected and what was found. */
export function corruption(
  code: 'CHECKSUM' | 'TRUNCATED' | 'BAD_FORMAT' | 'UNKNOWN_VERSION',
  what: string,
  detail: ErrorDetail = {},
): TsinkError {
  const facts = Object.entries(detail).map(([key, value]) => `${key} ${value}`)
  return new TsinkError(code, facts.length === 0 ? what : `${what} (${facts.join(', ')})`, { detail })
}

/** Throws when a fact that the code relies on does not hold. `sentence` states the fact. For bugs only, never for input. */
export function assert(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new AssertionError(sentence)
}

/** A bug in tsink itself: a fact that the code relies on did not hold. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
  constructor(sentence: string) {
    super(`this is a bug in tsink: expected that ${sentence}`)
  }
}
