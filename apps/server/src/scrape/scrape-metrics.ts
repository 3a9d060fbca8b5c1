/**
 * What the scraper says of itself at /metrics.
 */
import { Counter, Gauge, Histogram } from 'prom-client'
import type { Metrics } from '../metrics.ts'

export class ScrapeMetrics {
  readonly scrapes: Counter<'outcome'>
  readonly failures: Counter<'reason'>
  readonly seconds: Histogram
  readonly bytes: Counter
  readonly missed: Counter
  readonly staleMarkers: Counter
  readonly duplicates: Counter
  readonly discoveryFailures: Counter<'mechanism'>
  readonly wrongTargets: Counter
  readonly reloads: Counter<'outcome'>

  readonly #metrics: Metrics

  constructor(all: Metrics) {
    this.#metrics = all
    const { registry } = all
    const registers = [registry]
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
      new Counter({ name, help, labelNames: [...labelNames], registers })
    this.scrapes = counter('tsink_scrapes_total', 'Scrapes by outcome.', ['outcome'])
    this.failures = counter('tsink_scrape_failures_total', 'Failed scrapes by reason.', ['reason'])
    this.seconds = new Histogram({
      name: 'tsink_scrape_duration_seconds',
      help: 'Time from a request to its samples, ready to be stored.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    })
    this.bytes = counter('tsink_scrape_body_bytes_total', 'Bytes of scraped bodies after decompression.')
    this.missed = counter('tsink_scrape_missed_total', 'Scrapes left out because the one before took longer than the interval.')
    this.staleMarkers = counter('tsink_scrape_stale_markers_total', 'Series that ended and were marked so.')
    this.duplicates = counter(
      'tsink_scrape_duplicate_samples_total',
      'Samples of series that a target exposed twice; the first one counts.',
    )
    this.discoveryFailures = counter('tsink_scrape_discovery_failures_total', 'Failed refreshes of target lists.', ['mechanism'])
    this.wrongTargets = counter('tsink_scrape_wrong_targets_total', 'Discovered targets without a usable address, interval or timeout.')
    this.reloads = counter('tsink_scrape_config_reloads_total', 'Loads of the scrape config by outcome.', ['outcome'])
  }

  /** Shows how many targets there are, by their health, and whether the last config was right. */
  showTargets(count: (health: string) => number, loadedWell: () => number): void {
    const targets = new Gauge({
      name: 'tsink_scrape_targets',
      help: 'Targets by health.',
      labelNames: ['health'],
      registers: [this.#metrics.registry],
      collect(): void {
        for (const health of ['up', 'down', 'unknown']) targets.set({ health }, count(health))
      },
    })
    this.#metrics.gauge('tsink_scrape_config_last_reload_successful', 'Whether the last load of the scrape config went well.', loadedWell)
  }
}
