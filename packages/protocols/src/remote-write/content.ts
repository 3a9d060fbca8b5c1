/** Content types and encodings of remote write. */

/** The version that a content type asks for, or null when it is none of remote write's. Without `proto` it is version 1. */
export function remoteWriteVersion(contentType: string | undefined): 1 | 2 | null {
  // The oldest senders leave it out.
  if (contentType === undefined || contentType.trim() === '') return 1
  const [type, ...parameters] = contentType.split(';').map((part) => part.trim())
  if (type!.toLowerCase() !== 'application/x-protobuf') return null
  for (const parameter of parameters) {
    const at = parameter.indexOf('=')
    if (at < 0 || parameter.slice(0, at).trim().toLowerCase() !== 'proto') continue
    const message = parameter
      .slice(at + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1')
    if (message === 'prometheus.WriteRequest') return 1
    return message === 'io.prometheus.write.v2.Request' ? 2 : null
  }
  return 1
}

/** The content type of each version. */
export const REMOTE_WRITE_CONTENT_TYPES = {
  1: 'application/x-protobuf',
  2: 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
} as const

/** Encodings of the body: snappy from everyone, zstd from vmagent. The specification wants every other one refused with 415. */
export const REMOTE_WRITE_ENCODINGS: readonly string[] = ['snappy', 'zstd']
