/** Content types of the exposition formats and how one is chosen. */

export type ExpositionFormat = 'prometheus-text' | 'openmetrics-text' | 'prometheus-protobuf'

/** What we send: the text format of Prometheus. */
export const PROMETHEUS_TEXT_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * The format of a target's content type. `fallback` is the content type that its scrape configuration names for targets that send none, an
 * unknown or a broken one. `problem` says what was wrong, also where the fallback saved it; `format` is null when nothing did.
 */
export function chooseExposition(
  contentType: string,
  fallback = '',
): { readonly format: ExpositionFormat | null; readonly problem: string | null } {
  const format = expositionFormat(contentType)
  if (format !== null) return { format, problem: null }
  const what =
    contentType.trim() === '' ? 'the target sends no Content-Type' : `the target sends the Content-Type ${JSON.stringify(contentType)}`
  const saved = fallback === '' ? null : expositionFormat(fallback)
  return {
    format: saved,
    problem: saved === null ? `${what}, and no fallback_scrape_protocol is set` : `${what}; the fallback ${fallback} is used`,
  }
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** The format of a content type, or null when it is none of ours or not well-formed (two parameters of one name included). */
export function expositionFormat(contentType: string): ExpositionFormat | null {
  const [type, ...rest] = contentType.split(';').map((part) => part.trim())
  const parameters = new Map<string, string>()
  for (const part of rest) {
    if (part === '') continue
    const at = part.indexOf('=')
    const name = part.slice(0, at).trim().toLowerCase()
    if (at < 0 || !TOKEN.test(name) || parameters.has(name)) return null
    parameters.set(
      name,
      part
        .slice(at + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .toLowerCase(),
    )
  }
  switch (type!.toLowerCase()) {
    case 'application/openmetrics-text':
      return 'openmetrics-text'
    case 'application/vnd.google.protobuf': {
      const proto = parameters.get('proto')
      if (proto !== undefined && proto !== 'io.prometheus.client.metricfamily') return null
      return (parameters.get('encoding') ?? 'delimited') === 'delimited' ? 'prometheus-protobuf' : null
    }
    case 'text/plain':
      return 'prometheus-text'
    default:
      return null
  }
}
