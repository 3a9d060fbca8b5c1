/** What an empty page says: queries to begin with, and how data comes in. */
import { useAnswer } from './answer.ts'
import type { MetricEntry } from './api.ts'

export function Welcome({ onPick }: { readonly onPick: (query: string) => void }) {
  const found = useAnswer<{ metrics: readonly MetricEntry[] }>('metrics', { limit: '500' })
  if (found === null) return null
  if (typeof found === 'string') return <p class="empty">{found}</p>
  const examples = examplesOf(found.metrics)
  return (
    <div class="welcome">
      {examples.length > 0 && (
        <>
          <h2>Begin with one of these</h2>
          <ul>
            {examples.map((query) => (
              <li key={query}>
                <button type="button" onClick={() => onPick(query)}>
                  <code>{query}</code>
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      <h2>{examples.length > 0 ? 'Or send more' : 'There is nothing stored yet'}</h2>
      <p>Let a Prometheus or an agent write here, in the section remote_write of its configuration:</p>
      <pre>{`remote_write:\n  - url: ${location.origin}/api/v1/write`}</pre>
      <p>OpenTelemetry, InfluxDB, Graphite and StatsD clients are welcome as well. Or send a line by hand:</p>
      <pre>{`curl --data-binary 'demo_temperature_celsius{room="kitchen"} 21.5' \\\n  ${location.origin}/api/v1/import/prometheus`}</pre>
    </div>
  )
}

function examplesOf(metrics: readonly MetricEntry[]): string[] {
  if (metrics.length === 0) return []
  const has = (name: string): boolean => metrics.some((metric) => metric.name === name)
  const ofType = (type: string, end = ''): string[] =>
    metrics.filter((metric) => metric.type === type && metric.name.endsWith(end)).map(({ name }) => name)
  const queries = has('up') ? ['up'] : []
  queries.push(
    ...ofType('counter', '_total')
      .slice(0, 2)
      .map((name) => `rate(${name}[5m])`),
  )
  queries.push(...ofType('gauge').slice(0, 1))
  queries.push(
    ...ofType('histogram', '_bucket')
      .slice(0, 1)
      .map((name) => `histogram_quantile(0.9, sum by (le) (rate(${name}[5m])))`),
  )
  queries.push('topk(5, count by (__name__) ({__name__=~".+"}))')
  return queries
}
