/**
 * Features: the switches of PromQL as flags name them, as the evaluator takes them, and as /api/v1/features tells them.
 */
import { allSignatures, type Features } from '@tsink/promql'
import type { Config } from './config.ts'

export function featuresOf(config: Config): Features {
  const on = (name: string): boolean => config.enableFeature.includes(name)
  return {
    experimentalFunctions: on('promql-experimental-functions'),
    extendedRangeSelectors: on('promql-extended-range-selectors'),
    fillModifiers: on('promql-binop-fill-modifiers'),
    delayedNameRemoval: on('promql-delayed-name-removal'),
    useStartTimestamps: on('use-start-timestamps'),
    typeAndUnitLabels: on('type-and-unit-labels'),
  }
}

const OPERATORS = '!= !~ % * + - / < </ <= == =~ > >/ >= @ ^ and atan2 or unless'.split(' ')
const AGGREGATIONS = 'avg bottomk count count_values group max min quantile stddev stdvar sum topk'.split(' ')
const EXPERIMENTAL_AGGREGATIONS = ['limit_ratio', 'limitk']
const SYNTAX = 'at_modifier bool by duration_expr group_left group_right ignoring negative_offset offset on subqueries without'.split(' ')

/** What this server can do, in the categories of Prometheus's list. A category that is not there is one that we do not have. */
export function featureList(config: Config): Record<string, Record<string, boolean>> {
  const features = featuresOf(config)
  const all = (names: readonly string[], on: boolean): Record<string, boolean> => Object.fromEntries(names.map((name) => [name, on]))
  return sorted({
    api: {
      admin: config.enableAdminApi,
      exclude_alerts: true,
      label_values_match: true,
      lifecycle: config.enableLifecycle,
      'openapi_3.1': true,
      'openapi_3.2': true,
      otlp_write_receiver: true,
      query_stats: true,
      query_warnings: true,
      remote_write_receiver: true,
      search: config.enableFeature.includes('search-api'),
      search_fuzz_alg_jarowinkler: true,
      search_fuzz_alg_subsequence: true,
      time_range_labels: true,
      time_range_series: true,
    },
    prometheus: { agent_mode: false, auto_reload_config: false, server_mode: true },
    promql: {
      ...all(SYNTAX, true),
      anchored: features.extendedRangeSelectors,
      smoothed: features.extendedRangeSelectors,
      delayed_name_removal: features.delayedNameRemoval,
      fill: features.fillModifiers,
      fill_left: features.fillModifiers,
      fill_right: features.fillModifiers,
      per_query_lookback_delta: true,
      type_and_unit_labels: features.typeAndUnitLabels,
    },
    promql_functions: Object.fromEntries(
      allSignatures().map(({ name, experimental }) => [name, !experimental || features.experimentalFunctions]),
    ),
    promql_operators: {
      ...all([...OPERATORS, ...AGGREGATIONS], true),
      ...all(EXPERIMENTAL_AGGREGATIONS, features.experimentalFunctions),
    },
    tsdb: { exemplar_storage: true, isolation: true, native_histograms: true },
  })
}

function sorted(categories: Record<string, Record<string, boolean>>): Record<string, Record<string, boolean>> {
  const names = Object.keys(categories).toSorted()
  return Object.fromEntries(
    names.map((name) => [name, Object.fromEntries(Object.entries(categories[name]!).toSorted(([a], [b]) => (a < b ? -1 : 1)))]),
  )
}
