/**
 * OTLP metrics (`POST /api/v1/otlp/v1/metrics`, `POST /v1/metrics`, and the same message over gRPC), in protobuf or JSON.
 *
 *     ExportMetricsServiceRequest ▸ resource ▸ scope ▸ metric ▸ points        see model.ts
 *
 * A point that cannot be taken is refused by itself and counted in the answer's partial success.
 */
import { tooLarge, type Decoded } from '../decoded.ts'
import type { OtlpEncoding } from './content.ts'
import { decodeOtlpJson } from './decode-json.ts'
import { decodeOtlpProtobuf } from './decode-protobuf.ts'
import { OTLP_LIMITS } from './limits.ts'
import { Translator, type OtlpOptions } from './translate.ts'

/** Decodes a body that is no longer compressed. @throws TsinkError BAD_REQUEST, TOO_LARGE */
export function decodeOtlp(body: Uint8Array, encoding: OtlpEncoding, options: OtlpOptions): Decoded {
  if (body.length > OTLP_LIMITS.bodyBytes) throw tooLarge('OTLP body bytes', body.length, OTLP_LIMITS.bodyBytes)
  const isProtobuf = encoding === 'protobuf'
  const translator = new Translator(options, isProtobuf ? body : NO_BODY)
  // Deltas are not added up before all of a body is known to be sound.
  const keepsRaw = translator.batch.isWalked && typeof options.delta !== 'object'
  translator.request(isProtobuf ? decodeOtlpProtobuf(body, keepsRaw) : decodeOtlpJson(body))
  return translator.batch.decoded(translator.rejected)
}

/** The kernel walks nothing of JSON bodies, but knows their series. */
const NO_BODY = new Uint8Array(0)
