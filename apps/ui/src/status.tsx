/** How the server stands: what it holds and where its series come from, what it scrapes, which queries run. */
import { useState } from 'preact/hooks'
import { useAnswer } from './answer.ts'
import { tell } from './api.ts'
import { printLength, printTime } from './time.ts'
import { printBytes, printLarge } from './value.ts'

export interface StatusProps {
  /** Counts refreshes. */
  readonly tick: number
  readonly onMetric: (metric: string) => void
}

interface Count {
  readonly name: string
  readonly value: number
}

interface Tsdb {
  readonly headStats: { readonly numSeries: number; readonly numLabelPairs: number }
  readonly seriesCountByMetricName: readonly Count[]
  readonly labelValueCountByLabelName: readonly Count[]
  readonly seriesCountByLabelValuePair: readonly Count[]
}

interface Blocks {
  readonly blocks: readonly {
    readonly minTime: number
    readonly stats: { readonly numSamples: number; readonly numBytes: number }
  }[]
}

interface Runtime {
  readonly startTime: string
  readonly serverTime: string
  readonly hostname: string
  readonly storageRetention: string
}

interface Target {
  readonly scrapePool: string
  readonly scrapeUrl: string
  readonly health: string
  readonly lastError: string
  readonly lastScrape: string
  readonly lastScrapeDuration: number
}

interface RunningQuery {
  readonly id: number
  readonly query: string
  readonly seconds: number
}

export function Status({ tick, onMetric }: StatusProps) {
  const tsdb = useAnswer<Tsdb>('status/tsdb', { limit: '10' }, tick)
  return (
    <>
      <Facts tick={tick} tsdb={tsdb} />
      <Running tick={tick} />
      <Targets tick={tick} />
      <Sources tsdb={tsdb} onMetric={onMetric} />
    </>
  )
}

function Facts({ tick, tsdb }: { readonly tick: number; readonly tsdb: Tsdb | string | null }) {
  const runtime = useAnswer<Runtime>('status/runtimeinfo', {}, tick)
  const blocks = useAnswer<Blocks>('status/tsdb/blocks', {}, tick)
  const facts: [name: string, value: string][] = []
  if (runtime !== null && typeof runtime === 'object') {
    const seconds = (Date.parse(runtime.serverTime) - Date.parse(runtime.startTime)) / 1_000
    facts.push(['Up for', printLength(Math.max(1, Math.floor(seconds)))], ['Host', runtime.hostname])
    facts.push(['Kept for', runtime.storageRetention === '' ? 'ever' : runtime.storageRetention])
  }
  if (tsdb !== null && typeof tsdb === 'object') {
    facts.push(['Series', printLarge(tsdb.headStats.numSeries)], ['Label pairs', printLarge(tsdb.headStats.numLabelPairs)])
  }
  if (blocks !== null && typeof blocks === 'object') {
    const { blocks: segments } = blocks
    const samples = segments.reduce((sum, { stats }) => sum + stats.numSamples, 0)
    const bytes = segments.reduce((sum, { stats }) => sum + stats.numBytes, 0)
    facts.push(['Segments', printLarge(segments.length)], ['Samples in them', printLarge(samples)], ['Bytes on disk', printBytes(bytes)])
    if (samples > 0) facts.push(['Bytes a sample', (bytes / samples).toFixed(2)])
    if (segments.length > 0) facts.push(['Oldest sample', printTime(Math.min(...segments.map(({ minTime }) => minTime)) / 1_000)])
  }
  return (
    <section class="panel" aria-label="Server">
      <h2>Server</h2>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {typeof runtime === 'string' && <p class="empty">{runtime}</p>}
      <p class="links">
        As data: <a href="./metrics">metrics</a>, <a href="./api/v1/status/flags">flags</a>,{' '}
        <a href="./api/v1/status/tsdb/blocks">segments</a>, <a href="./api/v1/features">features</a>
      </p>
    </section>
  )
}

function Running({ tick }: { readonly tick: number }) {
  const [cancelled, setCancelled] = useState(0)
  const queries = useAnswer<readonly RunningQuery[]>('status/active_queries', {}, tick + cancelled)
  if (queries === null || typeof queries === 'string' || queries.length === 0) return null
  const cancel = async (id: number): Promise<void> => {
    await tell('status/active_queries/cancel', { id: String(id) })
    setCancelled((count) => count + 1)
  }
  return (
    <section class="panel" aria-label="Running queries">
      <h2>Running queries</h2>
      <table>
        <tbody>
          {queries.map(({ id, query, seconds }) => (
            <tr key={id}>
              <td>
                <code>{query}</code>
              </td>
              <td class="number">{seconds.toFixed(1)} s</td>
              <td>
                <button type="button" class="link" onClick={() => void cancel(id)}>
                  End it
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Targets({ tick }: { readonly tick: number }) {
  const answer = useAnswer<{ readonly activeTargets: readonly Target[] }>('targets', {}, tick)
  if (answer === null || typeof answer === 'string' || answer.activeTargets.length === 0) return null
  const targets = answer.activeTargets.toSorted(
    (a, b) => Number(a.health === 'up') - Number(b.health === 'up') || (a.scrapeUrl < b.scrapeUrl ? -1 : 1),
  )
  const down = targets.filter(({ health }) => health === 'down').length
  return (
    <section class="panel" aria-label="Targets">
      <h2>
        Targets{' '}
        <span>
          {printLarge(targets.length)}, {down === 0 ? 'none down' : `${printLarge(down)} down`}
        </span>
      </h2>
      <div class="table targets">
        <table>
          <thead>
            <tr>
              <th scope="col">State</th>
              <th scope="col">Job</th>
              <th scope="col">Address</th>
              <th scope="col">Last scrape</th>
              <th scope="col" class="number">
                Took
              </th>
            </tr>
          </thead>
          <tbody>
            {targets.slice(0, 200).map((target) => (
              <tr key={target.scrapePool + target.scrapeUrl}>
                <td>
                  <b class={`health ${target.health}`}>{target.health}</b>
                </td>
                <td>{target.scrapePool}</td>
                <td>
                  {target.scrapeUrl}
                  {target.lastError !== '' && <div class="reason">{target.lastError}</div>}
                </td>
                <td>{target.health === 'unknown' ? '' : printTime(Date.parse(target.lastScrape) / 1_000)}</td>
                <td class="number">{(target.lastScrapeDuration * 1_000).toFixed(0)} ms</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Sources({ tsdb, onMetric }: { readonly tsdb: Tsdb | string | null; readonly onMetric: (metric: string) => void }) {
  if (tsdb === null) return <p class="empty">Counting series…</p>
  if (typeof tsdb === 'string') return <p class="empty">{tsdb}</p>
  if (tsdb.headStats.numSeries === 0) return null
  return (
    <section class="panel" aria-label="Where the series come from">
      <h2>Where the series come from</h2>
      <div class="sources">
        <Counts title="Series by metric" counts={tsdb.seriesCountByMetricName} onPick={onMetric} />
        <Counts title="Values by label" counts={tsdb.labelValueCountByLabelName} onPick={null} />
        <Counts title="Series by label and value" counts={tsdb.seriesCountByLabelValuePair} onPick={null} />
      </div>
    </section>
  )
}

interface CountsProps {
  readonly title: string
  readonly counts: readonly Count[]
  readonly onPick: ((name: string) => void) | null
}

function Counts({ title, counts, onPick }: CountsProps) {
  const most = counts[0]?.value ?? 1
  return (
    <div class="label">
      <h3>{title}</h3>
      <ul>
        {counts.map(({ name, value }) => {
          const row = (
            <>
              <i style={{ width: `${(100 * value) / most}%` }} aria-hidden="true" />
              <code title={name}>{name}</code>
              <span>{printLarge(value)}</span>
            </>
          )
          return (
            <li key={name}>
              {onPick === null ? (
                <div class="row">{row}</div>
              ) : (
                <button type="button" class="row" title={`What ${name} is made of`} onClick={() => onPick(name)}>
                  {row}
                </button>
              )}
            </li>
          )
        })}
      </ul>
    </div>
  )
}
