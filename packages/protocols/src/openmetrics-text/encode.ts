/**
 * Series as OpenMetrics text that `promtool tsdb create-blocks-from openmetrics` loads: one family for each metric, times in seconds, and
 * the end mark.
 *
 *     # TYPE http_requests_total unknown
 *     http_requests_total{code="200"} 1021 1565133713.989
 *     # EOF
 */
import type { Labels, SampleBuffer } from '@tsink/core'
import { printShortest } from '../decimal.ts'
import { printName, printSeries } from '../prometheus-text/encode.ts'

/** Writes a dump, series by series. All series of one metric come one after another; `end` closes the dump. */
export class OpenMetricsEncoder {
  #family: string | null = null

  /** The last line. */
  end(): string {
    return '# EOF\n'
  }

  /** The lines of a series in pieces. Native histograms and samples of series without a name are left out. */
  *series(labels: Labels, samples: SampleBuffer): Generator<string, void, undefined> {
    if (labels.metric === '') return
    let text = ''
    if (labels.metric !== this.#family) {
      this.#family = labels.metric
      text = `# TYPE ${printName(labels.metric)} unknown\n`
    }
    const series = printSeries(labels)
    for (let i = 0; i < samples.count; i++) {
      if (samples.histograms?.[i] !== undefined) continue
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
