/**
 * Series as OpenMetrics text that `promtool tsdb create-blocks-from openmetrics` loads: one family for each metric, times in seconds, and
 * the end mark.
 *
 *     # TYPE http_requests_total unknown
 *     http_requests_total{code="200"} 1021 1565133713.989
 *     # EOF
 */
import { isStale, type Labels, type SampleBuffer } from '@tsink/core'
import { printShortest } from '../decimal.ts'
import { printName, printSeries } from '../prometheus-text/encode.ts'

/** Writes a dump, series by series. All series of one metric come one after another; `end` closes the dump. */
export class OpenMetricsEncoder {
  #family: string | null = null

  /** The last line. */
  end(): readonly string[] {
    return ['# EOF\n']
  }

  /**
   * The lines of a series in pieces. Left out is what the text has no place for: native histograms, strings, stale markers (a plain NaN would
   * say that the value is one), and samples of series without a name.
   */
  *series(labels: Labels, samples: SampleBuffer): Generator<string, void, undefined> {
    if (labels.metric === '' || samples.blobs !== null) return
    let text = ''
    if (labels.metric !== this.#family) {
      this.#family = labels.metric
      text = `# TYPE ${printName(labels.metric)} unknown\n`
    }
    const series = printSeries(labels)
    for (let i = 0; i < samples.count; i++) {
      if (samples.histograms?.[i] !== undefined || isStale(samples.values, i)) continue
      text += `${series} ${printShortest(samples.values[i]!)} ${printSeconds(samples.base + samples.timestamps[i]!)}\n`
      if (text.length < 65_536) continue
      yield text
      text = ''
    }
    if (text !== '') yield text
  }
}

function printSeconds(ms: number): string {
  return String(ms / 1e3)
}
