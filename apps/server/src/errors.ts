/**
 * Errors: the only place where kinds of failure become HTTP statuses, in the two dialects that clients expect: Prometheus's JSON envelope for
 * queries and plain text for writes.
 */
import { AssertionError, TsinkError } from '@tsink/core'

/** The `errorType` of Prometheus's envelope, each with its status. */
const ENVELOPE_STATUS = {
  bad_data: 400,
  execution: 422,
  canceled: 499,
  timeout: 503,
  not_found: 404,
  not_acceptable: 406,
  internal: 500,
  unavailable: 503,
  too_many_requests: 429,
  unauthorized: 401,
  forbidden: 403,
} as const

export type EnvelopeErrorType = keyof typeof ENVELOPE_STATUS

/** A refusal in Prometheus's words that no error code stands for, such as `admin APIs disabled`. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError'
  readonly errorType: EnvelopeErrorType
  readonly status: number

  /** The status is the type's, unless the reference answers this one case with another. */
  constructor(errorType: EnvelopeErrorType, message: string, status: number = ENVELOPE_STATUS[errorType]) {
    super(message)
    this.errorType = errorType
    this.status = status
  }
}

export interface Refusal {
  readonly status: number
  readonly errorType: EnvelopeErrorType
  readonly message: string
  /** Seconds for Retry-After, or 0. */
  readonly retryAfterS: number
  /** Whether the operator should read of it in the log. */
  readonly ours: boolean
}

/** What a query's client is told about a failure. */
export function queryRefusal(error: unknown): Refusal {
  if (error instanceof EnvelopeError) {
    return { status: error.status, errorType: error.errorType, message: error.message, retryAfterS: 0, ours: false }
  }
  if (!(error instanceof TsinkError)) return bug(error)
  const errorType = envelopeType(error)
  const status = error.code === 'TOO_LARGE' ? 413 : error.code === 'UNSUPPORTED' ? 415 : ENVELOPE_STATUS[errorType]
  return { status, errorType, message: error.message, retryAfterS: status === 429 ? 1 : 0, ours: errorType === 'internal' }
}

/** What a writer is told about a failure: clients retry 429 and 5xx and drop what got 4xx. */
export function writeRefusal(error: unknown): Refusal {
  if (error instanceof EnvelopeError) return queryRefusal(error)
  if (!(error instanceof TsinkError)) return bug(error)
  const base = { message: error.message, retryAfterS: 0, ours: false }
  switch (error.kind) {
    case 'invalid':
      return {
        ...base,
        errorType: 'bad_data',
        status: error.code === 'TOO_LARGE' ? 413 : error.code === 'UNSUPPORTED' ? 415 : 400,
      }
    case 'denied':
      return error.code === 'UNAUTHENTICATED'
        ? { ...base, errorType: 'unauthorized', status: 401 }
        : { ...base, errorType: 'forbidden', status: 403 }
    case 'limited':
      return { ...base, errorType: 'too_many_requests', status: 429, retryAfterS: 1 }
    case 'unavailable':
      return { ...base, errorType: 'unavailable', status: 503, retryAfterS: 5 }
    case 'corrupt':
    case 'io':
      return { ...base, errorType: 'internal', status: 500, ours: true }
  }
}

function envelopeType(error: TsinkError): EnvelopeErrorType {
  switch (error.code) {
    case 'EXECUTION':
    case 'TYPE_MISMATCH':
    case 'QUERY_SAMPLES':
    case 'QUERY_SERIES':
    case 'QUERY_MEMORY':
      return 'execution'
    case 'DEADLINE':
      return 'timeout'
    case 'CANCELED':
      return 'canceled'
    case 'UNAUTHENTICATED':
      return 'unauthorized'
    case 'FORBIDDEN':
      return 'forbidden'
    default:
  }
  switch (error.kind) {
    case 'invalid':
      return 'bad_data'
    case 'limited':
      return 'too_many_requests'
    case 'unavailable':
      return 'unavailable'
    case 'denied':
      return 'forbidden'
    case 'corrupt':
    case 'io':
      return 'internal'
  }
}

function bug(error: unknown): Refusal {
  // Frameworks refuse malformed requests with errors that carry a status of their own.
  if (error instanceof Error && !(error instanceof AssertionError)) {
    const status = (error as { statusCode?: unknown }).statusCode
    if (typeof status === 'number' && status >= 400 && status < 500) {
      return { status, errorType: 'bad_data', message: error.message, retryAfterS: 0, ours: false }
    }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { status: 500, errorType: 'internal', message, retryAfterS: 0, ours: true }
}
