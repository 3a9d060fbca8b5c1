/**
 * Ingest: from a decoded batch to the store, with the books kept. HTTP routes and socket listeners all end here.
 */
import { MAX_LISTED_REJECTIONS, splitBatch, type AppendResult, type Store, type WriteBatch } from '@tsink/core'
import { SeriesCache, type Decoded, type DecodeOptions } from '@tsink/protocols'
import { yieldToHost } from './cancellation.ts'
import type { Metrics } from './metrics.ts'

/** What became of one body. */
export interface Outcome {
  readonly result: AppendResult
  /** Samples and other parts that were not stored, by the decoder and by the store. */
  readonly rejected: number
  /** What was rejected and why, in one line; '' when nothing was. */
  readonly message: string
}

/** A batch with more new series than this goes to the store in pieces: it works out each in some microseconds, and others have to wait meanwhile. */
const PIECE_SAMPLES = 8_192

/** Appends a batch, in pieces where it would take long; what became of them is told as of one. */
async function appendAll(store: Store, batch: WriteBatch): Promise<AppendResult> {
  const [first, ...rest] = splitBatch(batch, PIECE_SAMPLES)
  let whole = await store.append(first!.batch)
  if (rest.length > 0) whole = { ...whole, rejections: whole.rejections.map(first!.inWhole) }
  for (const piece of rest) {
    await yieldToHost()
    const { accepted, rejected, rejections, durability, sequence } = await store.append(piece.batch)
    whole = {
      accepted: whole.accepted + accepted,
      rejected: whole.rejected + rejected,
      rejections: [...whole.rejections, ...rejections.map(piece.inWhole)].slice(0, MAX_LISTED_REJECTIONS),
      durability,
      sequence,
    }
  }
  return whole
}

/** So many of the store's rejections are named in an answer. */
const NAMED_REJECTIONS = 10

export class Ingest {
  /** Remembers the series of earlier bodies; it belongs to the one store that this server has. */
  readonly cache: SeriesCache = new SeriesCache()
  readonly #metrics: Metrics

  constructor(metrics: Metrics) {
    this.#metrics = metrics
  }

  /** What decoders need to know. */
  options(): DecodeOptions {
    return { now: Date.now(), cache: this.cache }
  }

  /** Appends what was decoded. @throws what the store throws, when nothing was taken. */
  async append(store: Store, protocol: string, decoded: Decoded): Promise<Outcome> {
    const { batch, rejected } = decoded
    const begin = performance.now()
    const result = await appendAll(store, batch)
      .catch((error: unknown) => {
        decoded.failed?.()
        throw error
      })
      .finally(() => decoded.release?.())
    const metrics = this.#metrics
    metrics.appendSeconds.observe((performance.now() - begin) / 1_000)
    metrics.ofProtocol(protocol).acceptedSamples.inc(result.accepted)
    if (rejected.count > 0) metrics.rejectedSamples.inc({ protocol, reason: 'malformed' }, rejected.samples)
    if (result.rejected > 0) this.#countRejections(protocol, result)
    const parts = [rejected.toString(), describeRejections(result)]
    return { result, rejected: rejected.count + result.rejected, message: parts.filter((part) => part !== '').join('; ') }
  }

  #countRejections(protocol: string, { rejections, rejected }: AppendResult): void {
    for (const { reason } of rejections) this.#metrics.rejectedSamples.inc({ protocol, reason })
    if (rejected > rejections.length) this.#metrics.rejectedSamples.inc({ protocol, reason: 'unlisted' }, rejected - rejections.length)
  }
}

/** `2 of 10 samples rejected: too_old: ...` */
function describeRejections({ accepted, rejected, rejections }: AppendResult): string {
  if (rejected === 0) return ''
  const named = rejections.slice(0, NAMED_REJECTIONS).map(({ reason, message }) => `${reason}: ${message}`)
  const more = rejected > named.length ? `; and ${rejected - named.length} more` : ''
  return `${rejected} of ${accepted + rejected} samples rejected: ${named.join('; ')}${more}`
}
