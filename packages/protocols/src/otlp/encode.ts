/** The answer to an export: empty when everything was taken, else a partial success with a count and a reason. */
import { bytesOf } from '../utf8.ts'
import { ProtoWriter } from '../protobuf.ts'
import type { OtlpEncoding } from './content.ts'

/** ExportMetricsServiceResponse { partial_success 1 { rejected_data_points 1, error_message 2 } }. */
export function encodeOtlpResponse(encoding: OtlpEncoding, rejectedPoints: number, message: string): Uint8Array {
  const isWhole = rejectedPoints === 0 && message === ''
  if (encoding === 'json') {
    return bytesOf(
      isWhole ? '{}' : JSON.stringify({ partialSuccess: { rejectedDataPoints: String(rejectedPoints), errorMessage: message } }),
    )
  }
  const response = new ProtoWriter()
  if (isWhole) return response.finish()
  const partial = new ProtoWriter()
  partial.int64Field(1, rejectedPoints)
  if (message !== '') partial.stringField(2, message)
  response.message(1, partial)
  return response.finish()
}

/** The body of an error over HTTP: google.rpc.Status { code 1, message 2 }. */
export function encodeOtlpError(encoding: OtlpEncoding, code: number, message: string): Uint8Array {
  if (encoding === 'json') return bytesOf(JSON.stringify({ code, message }))
  const status = new ProtoWriter()
  status.int64Field(1, code)
  status.stringField(2, message)
  return status.finish()
}
