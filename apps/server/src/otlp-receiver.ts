/**
 * OtlpReceiver: what HTTP and gRPC share: the options, and the running totals of deltas, which know nothing of the way that a delta came.
 */
import { decodeOtlp, DeltaAccumulator, type OtlpEncoding, type OtlpOptions } from '@tsink/protocols'
import type { Config } from './config.ts'
import { featuresOf } from './features.ts'
import { storeOf, type ServerContext } from './context.ts'
import type { Outcome } from './ingest.ts'

export class OtlpReceiver {
  readonly #options: Omit<OtlpOptions, 'now' | 'cache' | 'unit'>

  constructor(config: Config) {
    this.#options = {
      translationStrategy: config.otlpTranslation,
      promoteResourceAttributes: config.otlpPromoteAttributes,
      promoteAllResourceAttributes: config.otlpPromoteAllAttributes,
      ignoreResourceAttributes: config.otlpIgnoreAttributes,
      keepIdentifyingResourceAttributes: config.otlpKeepIdentifying,
      promoteScopeMetadata: config.otlpPromoteScope,
      convertHistogramsToNHCB: config.otlpConvertHistograms,
      typeAndUnitLabels: featuresOf(config).typeAndUnitLabels === true,
      lookbackMs: config.queryLookback,
      delta: config.otlpDelta === 'accumulate' ? new DeltaAccumulator() : config.otlpDelta,
    }
  }

  /** Stores the points of one export request. @throws TsinkError BAD_REQUEST, TOO_LARGE, and what the store throws. */
  async take(context: ServerContext, body: Uint8Array, encoding: OtlpEncoding): Promise<Outcome> {
    const decoded = decodeOtlp(body, encoding, { ...context.ingest.options(), ...this.#options })
    return context.ingest.append(storeOf(context), 'otlp', decoded)
  }
}
