/**
 * Mapping files of StatsD, in the format of statsd_exporter. What such a file can say and this server does not do is refused by its name.
 */
import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { TsinkError } from '@tsink/core'
import { StatsdMapper, type StatsdMapping, type StatsdObserving, type StatsdRule } from '@tsink/protocols'
import { choice, count, duration, flag, list, read, record, section, text, type Shape } from './yaml-fields.ts'
import { checkedYaml, parseYaml } from './yaml-file.ts'

/** Reads a mapping file. @throws TsinkError BAD_CONFIG, in one line with the place. */
export function loadStatsdMapping(path: string): StatsdMapper {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    throw new TsinkError('BAD_CONFIG', `cannot read the StatsD mapping ${path}: ${(error as Error).message}`)
  }
  return parseStatsdMapping(content, path)
}

/** The mapper of a file's text. @throws TsinkError BAD_CONFIG */
export function parseStatsdMapping(content: string, path: string): StatsdMapper {
  const mapping = checkedYaml(mappingFile(), parseYaml(content, path))
  try {
    return new StatsdMapper(mapping)
  } catch (error) {
    if (error instanceof TsinkError) throw new TsinkError('BAD_CONFIG', `${path}: ${error.message}`, { detail: error.detail })
    throw error
  }
}

function mappingFile(): z.ZodType<StatsdMapping, unknown> {
  return section<{ defaults: object; mappings: readonly StatsdRule[] }>(
    {
      defaults: section({ ...observing(), match_type: matchType, glob_disable_ordering: flag }, [], withObserving),
      mappings: list(rule()),
    },
    [],
    ({ defaults = {}, mappings = [] }): StatsdMapping => {
      const { globDisableOrdering = false, ...rest } = defaults as Partial<StatsdObserving> & { globDisableOrdering?: boolean }
      return { defaults: rest, globDisableOrdering, rules: mappings }
    },
  ) as unknown as z.ZodType<StatsdMapping, unknown>
}

const matchType = choice(['glob', 'regex'])
const number = read((value) => (value.trim() === '' || Number.isNaN(Number(value)) ? null : Number(value)), 'a number')
const observerType = choice(['summary', 'histogram'])

function rule(): z.ZodType<StatsdRule, unknown> {
  return section<StatsdRule>(
    {
      ...observing(),
      match: text,
      match_type: matchType,
      // The older name of observers.
      match_metric_type: choice(['counter', 'gauge', 'observer', 'timer']).transform((type) => (type === 'timer' ? 'observer' : type)),
      name: text,
      labels: record(text),
      action: choice(['map', 'drop', '']).transform((action) => (action === 'drop' ? 'drop' : 'map')),
      scale: number,
      honor_labels: flag,
    },
    ['match'],
    withObserving,
  )
}

/** How observations are stored, in the newer fields and the older ones, which stand for the same. */
function observing(): Shape {
  const quantiles = list(section<{ quantile: number }>({ quantile: number, error: number }, ['quantile'], ({ quantile }) => quantile))
  const buckets = list(number)
  return {
    observer_type: observerType,
    timer_type: observerType,
    quantiles,
    buckets,
    ttl: read((value) => (value === '0' || value === '0s' ? 0 : (duration.safeParse(value).data ?? null)), 'a duration such as 10s or 1m'),
    // Quantiles are those of one flush interval, so there is nothing that could age, nor a buffer.
    summary_options: section({ quantiles, max_age: duration, age_buckets: count, buf_cap: count }),
    histogram_options: section({
      buckets,
      native_histogram_bucket_factor: nativeIsNotBuiltIn,
      native_histogram_max_buckets: nativeIsNotBuiltIn,
    }),
  }
}

const nativeIsNotBuiltIn = z
  .unknown()
  .refine((value) => value === undefined, 'is not built in: give buckets, or send OTLP for native histograms')

interface FlatObserving {
  readonly observerType?: 'summary' | 'histogram'
  readonly timerType?: 'summary' | 'histogram'
  readonly quantiles?: readonly number[]
  readonly buckets?: readonly number[]
  readonly ttl?: number
  readonly summaryOptions?: { readonly quantiles?: readonly number[] }
  readonly histogramOptions?: { readonly buckets?: readonly number[] }
}

/** The fields of both generations as one. What is empty is left out, so that the default holds. */
function withObserving(given: object, context: z.core.$RefinementCtx): object {
  const { observerType: newer, timerType, quantiles, buckets, ttl, summaryOptions, histogramOptions, ...rest } = given as FlatObserving
  const refuse = (message: string): void => context.addIssue({ code: 'custom', message: `: ${message}` })
  const observer = newer ?? timerType
  if (quantiles !== undefined && summaryOptions?.quantiles !== undefined) refuse('quantiles are given twice, here and in summary_options')
  if (buckets !== undefined && histogramOptions?.buckets !== undefined) refuse('buckets are given twice, here and in histogram_options')
  if ('match' in rest && observer === 'histogram' && summaryOptions !== undefined) refuse('a histogram has no summary_options')
  if ('match' in rest && observer === 'summary' && histogramOptions !== undefined) refuse('a summary has no histogram_options')
  const allQuantiles = quantiles ?? summaryOptions?.quantiles ?? []
  const allBuckets = buckets ?? histogramOptions?.buckets ?? []
  return {
    ...rest,
    ...(observer === undefined ? {} : { observerType: observer }),
    ...(allQuantiles.length === 0 ? {} : { quantiles: allQuantiles }),
    ...(allBuckets.length === 0 ? {} : { buckets: allBuckets }),
    ...(ttl === undefined || ttl === 0 ? {} : { ttlMs: ttl }),
  }
}
