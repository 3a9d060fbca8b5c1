/** Content types of the exposition formats and how one is chosen. */

export type ExpositionFormat = 'prometheus-text' | 'openmetrics-text' | 'prometheus-protobuf'

/** What we send: the text format of Prometheus. */
export const PROMETHEUS_TEXT_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The format of a content type, or null when it is none of ours. */
export function expositionFormat(contentType: string): ExpositionFormat | null {
  const [type, ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase())
  switch (type) {
    case 'application/openmetrics-text':
      return 'openmetrics-text'
    case 'application/vnd.google.protobuf': {
      const values = new Map(parameters.map((part) => part.split('=', 2) as [string, string]))
      const proto = values.get('proto')
      const encoding = values.get('encoding')
      if (proto !== undefined && proto !== 'io.prometheus.client.metricfamily') return null
      return encoding === undefined || encoding === 'delimited' ? 'prometheus-protobuf' : null
    }
    case 'text/plain':
      return 'prometheus-text'
    default:
      return null
  }
}
