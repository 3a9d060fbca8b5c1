/**
 * info(): adds the labels of info series, such as `target_info`, to the series that come from the same target (`instance` and `job`).
 *
 * At each step a base series takes the labels of the newest info sample of each info metric. So one base series can become several result
 * series, one for each set of labels that it gets over time.
 */
import { Labels, Matcher, METRIC_NAME, TsinkError } from '@tsink/core'
import { showLabels } from '../binary/matching.ts'
import type { Execution, Pages } from '../evaluate/execution.ts'
import { ABSENT, isEmpty, StepSeries, type Grid } from '../evaluate/steps.ts'
import { mergeEqual } from '../evaluate/unique.ts'
import type { InfoPlan } from '../plan.ts'
import { isStaleAt, Reader, selectSeries } from './reader.ts'

const IDENTIFYING = ['instance', 'job'] as const

/** Beyond so many targets, the info series of all targets are read. */
const MAX_TARGETS = 256

/** An info series: the time of its newest sample at each step, NaN where it has none. */
interface InfoSeries {
  readonly labels: Labels
  readonly times: Float64Array
}

export async function* addInfo(plan: InfoPlan, grid: Grid, execution: Execution): Pages {
  const names = nameMatchers(plan.matchers)
  const data = plan.matchers.filter((matcher) => matcher.name !== METRIC_NAME)
  const base = await execution.collect(plan.input, grid)
  const isInfo = (series: StepSeries): boolean => names.every((matcher) => matcher.matches(series.labels.metric))
  const joinable = base.series.filter((series) => !isInfo(series) && IDENTIFYING.some((name) => series.labels.has(name)))
  const infos = joinable.length === 0 ? [] : await readInfos([...names, ...data, ...targetMatchers(joinable)], plan, grid, execution)
  const byTarget = new Map<string, Map<string, InfoSeries[]>>()
  for (const info of infos) {
    const metrics = byTarget.get(targetOf(info.labels)) ?? new Map<string, InfoSeries[]>()
    byTarget.set(targetOf(info.labels), metrics)
    const metric = info.labels.metric
    metrics.set(metric, [...(metrics.get(metric) ?? []), info])
  }
  const copied = data.length === 0 ? null : new Set(data.map((matcher) => matcher.name))
  const optional = data.every((matcher) => matcher.matchesEmpty)
  const out: StepSeries[] = []
  for (const series of base.series) {
    if (isInfo(series)) out.push(series)
    else {
      const metrics = IDENTIFYING.some((name) => series.labels.has(name)) ? byTarget.get(targetOf(series.labels)) : undefined
      if (metrics !== undefined) enrich(series, [...metrics.values()], copied, optional, out)
      else if (optional) out.push(series)
    }
    if (execution.due) await execution.pause()
  }
  const merged = mergeEqual(out)
  execution.drop(base)
  if (merged.length > 0) yield merged
}

/** The matchers that choose info metrics: `target_info` unless said; excluding alone means "any info metric but". */
function nameMatchers(matchers: readonly Matcher[]): Matcher[] {
  const names = matchers.filter((matcher) => matcher.name === METRIC_NAME)
  if (names.length === 0) return [Matcher.metric('target_info')]
  const positive = names.some((matcher) => matcher.type === '=' || matcher.type === '=~')
  return positive ? names : [new Matcher('=~', METRIC_NAME, '.+_info'), ...names]
}

/** Matchers for the targets of the base series alone. */
function targetMatchers(base: readonly StepSeries[]): Matcher[] {
  return IDENTIFYING.flatMap((name) => {
    const values = new Set(base.map((series) => series.labels.get(name)))
    if (values.size > MAX_TARGETS) return []
    return [new Matcher('=~', name, [...values].map((value) => value.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')).join('|'))]
  })
}

function targetOf(labels: Labels): string {
  return IDENTIFYING.map((name) => labels.get(name)).join('\u0002')
}

async function readInfos(matchers: readonly Matcher[], plan: InfoPlan, grid: Grid, execution: Execution): Promise<InfoSeries[]> {
  const { atMs, offsetMs, lookbackMs } = plan
  const firstMs = (atMs ?? grid.startMs) - offsetMs
  const stepMs = atMs === null ? grid.stepMs : 0
  const measure = execution.measure(plan.id)
  const request = {
    matchers,
    fromMs: firstMs - lookbackMs + 1,
    toMs: firstMs + stepMs * (grid.count - 1),
    hints: { func: 'info', step: stepMs, range: 0 },
    measure,
  }
  const reader = new Reader(execution)
  const infos: InfoSeries[] = []
  for await (const page of selectSeries(request, execution)) {
    for (const series of page) {
      const buffer = reader.read(series, true)
      measure.read += buffer.count
      const times = new Float64Array(grid.count).fill(NaN)
      let next = 0
      for (let k = 0; k < grid.count; k++) {
        const ref = firstMs + k * stepMs
        while (next < buffer.count && buffer.timestamps[next]! <= ref) next++
        const at = next - 1
        if (at < 0 || buffer.timestamps[at]! <= ref - lookbackMs || isStaleAt(buffer, at)) continue
        if (buffer.histograms?.[at] !== undefined) {
          throw new TsinkError('EXECUTION', `this should be an info metric, with float samples: ${showLabels(series.labels)}`)
        }
        times[k] = buffer.timestamps[at]!
      }
      execution.hold(grid.count, grid.count * 8)
      infos.push({ labels: series.labels, times })
    }
  }
  execution.hold(-grid.count * infos.length, -grid.count * 8 * infos.length)
  return infos
}

/** The results for one base series: its steps spread over the label sets that it gets. */
function enrich(
  base: StepSeries,
  metrics: readonly (readonly InfoSeries[])[],
  copied: ReadonlySet<string> | null,
  optional: boolean,
  out: StepSeries[],
): void {
  const results = new Map<string, StepSeries>()
  for (let k = 0; k < base.kinds.length; k++) {
    if (base.kinds[k] === ABSENT) continue
    const found = metrics.map((series) => newest(series, k)).filter((info) => info !== null)
    if (found.length === 0 && !optional) continue
    const key = found.map((info) => info.labels.key()).join('\u0003')
    let result = results.get(key)
    if (result === undefined) {
      result = new StepSeries(withLabelsOf(base.labels, found, copied), base.dropName, base.kinds.length)
      results.set(key, result)
    }
    const histogram = base.histograms?.[k]
    if (histogram !== undefined) result.setHistogram(k, histogram)
    else {
      result.kinds[k] = base.kinds[k]!
      result.values[k] = base.values[k]!
    }
  }
  for (const result of results.values()) if (!isEmpty(result)) out.push(result)
}

/** The series of one info metric whose sample is the newest at a step. */
function newest(infos: readonly InfoSeries[], k: number): InfoSeries | null {
  let best: InfoSeries | null = null
  for (const info of infos) {
    const time = info.times[k]!
    if (Number.isNaN(time)) continue
    if (best !== null && best.times[k] === time) {
      const existing = `${showLabels(best.labels)} @ ${time}`
      throw new TsinkError(
        'EXECUTION',
        `found duplicate series for info metric: existing ${existing}, new ${showLabels(info.labels)} @ ${time}`,
      )
    }
    if (best === null || time > best.times[k]!) best = info
  }
  return best
}

function withLabelsOf(base: Labels, infos: readonly InfoSeries[], copied: ReadonlySet<string> | null): Labels {
  const added = new Map<string, string>()
  for (const { labels } of infos) {
    for (const [name, value] of labels) {
      if (name === METRIC_NAME || base.has(name) || (copied !== null && !copied.has(name))) continue
      const known = added.get(name)
      if (known !== undefined && known !== value) throw new TsinkError('EXECUTION', `conflicting label: ${name}`)
      added.set(name, value)
    }
  }
  return added.size === 0 ? base : Labels.from([...base, ...added])
}
