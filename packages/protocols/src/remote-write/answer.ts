/**
 * The answer to a remote write. Version 2.0 counts what was written in headers, on success and on failure alike; version 1.0 must not,
 * since its senders take the headers for a promise. Anything that was not stored is said in the body and makes the answer an error that
 * senders do not repeat (400).
 */
import type { AppendResult } from '@tsink/core'
import type { RemoteWriteDecoded } from './decode.ts'

export interface RemoteWriteAnswer {
  /** Whether everything was stored: then the status is 204, else 400. */
  readonly complete: boolean
  readonly headers: Readonly<Record<string, string>>
  /** For people: what was refused, and why. Empty when complete. */
  readonly message: string
}

/** `result` is null when nothing was appended, because of an error. */
export function remoteWriteAnswer(decoded: RemoteWriteDecoded, result: AppendResult | null): RemoteWriteAnswer {
  let rejectedHistograms = 0
  for (const rejection of result?.rejections ?? []) {
    if (decoded.batch.samples[rejection.column]?.kind === 'histogram') rejectedHistograms++
  }
  const rejected = result?.rejected ?? 0
  const nothing = result === null
  const lines = decoded.rejected.listed.map(({ where, reason }) => `${where}: ${reason}`)
  for (const rejection of result?.rejections.slice(0, 100) ?? []) lines.push(rejection.message)
  const more = decoded.rejected.count + rejected - lines.length
  if (more > 0) lines.push(`and ${more} more`)
  return {
    complete: !nothing && rejected === 0 && decoded.rejected.count === 0,
    headers:
      decoded.version === 1
        ? {}
        : writtenHeaders(
            nothing ? 0 : decoded.samples - (rejected - rejectedHistograms),
            nothing ? 0 : decoded.histograms - rejectedHistograms,
            nothing ? 0 : decoded.exemplars,
          ),
    message: lines.length === 0 ? '' : `${lines.join('\n')}\n`,
  }
}

/** The three headers of version 2.0; all zero for a body that could not be read. */
export function writtenHeaders(samples: number, histograms: number, exemplars: number): Record<string, string> {
  return {
    'X-Prometheus-Remote-Write-Samples-Written': `${samples}`,
    'X-Prometheus-Remote-Write-Histograms-Written': `${histograms}`,
    'X-Prometheus-Remote-Write-Exemplars-Written': `${exemplars}`,
  }
}
