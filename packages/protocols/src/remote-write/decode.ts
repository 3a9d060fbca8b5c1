/**
 * Remote write, both versions: what Prometheus and its agents send.
 *
 *     1.0   WriteRequest { timeseries 1 { labels 1, samples 2, exemplars 3, histograms 4 }, metadata 3 }
 *     2.0   Request { symbols 4, timeseries 5 { labels_refs 1, samples 2, histograms 3, exemplars 4, metadata 5 } }
 *
 * The body is walked once, by hand. Series are recognised by the raw bytes of their labels (1.0) or by the labels that the symbols make
 * (2.0); see SeriesCache. Broken bytes refuse the whole body, a bad series or sample only itself.
 */
import { snappyDecode } from '@tsink/kernel'
import { tooLarge, type Decoded, type DecodeOptions } from '../decoded.ts'
import { decodeRequestV1 } from './decode-v1.ts'
import { decodeRequestV2 } from './decode-v2.ts'
import { REMOTE_WRITE_LIMITS } from './limits.ts'
import { decodeWalked } from './decode-walked.ts'

export interface RemoteWriteDecoded extends Decoded {
  readonly version: 1 | 2
  /** What the batch holds, by kind. Float samples stand in the column of kind `f64`, histograms in the one of kind `histogram`. */
  readonly samples: number
  readonly histograms: number
  readonly exemplars: number
}

/**
 * Decodes a body that is no longer compressed. With a cache in the options known series go through the kernel.
 * @throws TsinkError BAD_REQUEST when it is not the message that `version` names, TOO_LARGE when it is above the limits.
 */
export function decodeRemoteWrite(body: Uint8Array, version: 1 | 2, options: DecodeOptions): RemoteWriteDecoded {
  if (body.length > REMOTE_WRITE_LIMITS.bodyBytes) throw tooLarge('remote write body bytes', body.length, REMOTE_WRITE_LIMITS.bodyBytes)
  const walk = options.cache?.walk ?? null
  if (walk !== null && walk.load(body)) {
    const decoded = decodeWalked(walk, version, options)
    if (decoded !== null) return decoded
  }
  return decodePlain(body, version, options)
}

/**
 * As {@link decodeRemoteWrite} for a snappy block, which every sender uses: with a cache it is decompressed where the kernel walks it.
 * @throws TsinkError also when the block is damaged, or declares more than the limit; no memory is taken for what it declares then.
 */
export function decodeSnappyRemoteWrite(block: Uint8Array, version: 1 | 2, options: DecodeOptions): RemoteWriteDecoded {
  const walk = options.cache?.walk ?? null
  if (walk === null || !walk.loadSnappy(block)) return decodePlain(snappyDecode(block, REMOTE_WRITE_LIMITS.bodyBytes), version, options)
  return decodeWalked(walk, version, options) ?? decodePlain(walk.body, version, options)
}

/** The plain decoder: the walk's twin, which also says what is wrong with a body that the walk would not take. */
function decodePlain(body: Uint8Array, version: 1 | 2, options: DecodeOptions): RemoteWriteDecoded {
  return version === 1 ? decodeRequestV1(body, options) : decodeRequestV2(body, options)
}
