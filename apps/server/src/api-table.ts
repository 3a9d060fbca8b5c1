/** The paths below /api/v1, with what they take and answer. A test holds the table to what is served. */

export interface ApiPath {
  readonly path: string
  readonly methods: readonly string[]
  readonly parameters: readonly string[]
  readonly answer: string
}

const row = (methods: string, path: string, parameters: string, answer: string): ApiPath => ({
  path: `/api/v1/${path}`,
  methods: methods.split(' '),
  parameters: parameters === '' ? [] : parameters.split(' '),
  answer,
})

const QUERY = 'query time timeout limit lookback_delta stats'
const QUERY_RANGE = 'query start end step timeout limit lookback_delta stats'
const SELECTION = 'match[] start end'
const LISTING = 'match[] start end limit'
const SEARCH = 'match[] search[] fuzz_threshold fuzz_alg case_sensitive sort_by sort_dir include_score start end limit batch_size'

export const API: readonly ApiPath[] = [
  row('GET POST', 'query', QUERY, 'a value at one moment'),
  row('GET POST', 'query_range', QUERY_RANGE, 'a value at every step'),
  row('GET POST', 'query_exemplars', 'query start end', 'exemplars of the series that the query selects'),
  row('GET POST', 'explain', 'query time start end step', 'the plan of a query, not run'),
  row('GET POST', 'analyze', `${QUERY} start end step`, 'the plan of a query with what each operator took'),
  row('GET POST', 'format_query', 'query', 'the query printed the canonical way'),
  row('GET POST', 'parse_query', 'query', 'the syntax tree of a query'),
  row('GET', 'status/active_queries', '', 'what is being evaluated now'),
  row('POST PUT', 'status/active_queries/cancel', 'id', 'ends a query'),
  row('GET POST', 'series', LISTING, 'label sets'),
  row('GET POST', 'labels', LISTING, 'label names'),
  row('GET', 'label/:name/values', LISTING, 'values of a label'),
  row('GET', 'metadata', 'metric limit limit_per_metric', 'type, help and unit by metric'),
  row('GET POST', 'metrics', 'search start end limit count', 'metrics by parts of their names'),
  row('GET POST', 'cardinality', LISTING, 'the number of series that match, and the values of their labels'),
  row('GET POST', 'search/metric_names', `${SEARCH} include_metadata`, 'metric names that look like what is asked for'),
  row('GET POST', 'search/label_names', SEARCH, 'label names that look like what is asked for'),
  row('GET POST', 'search/label_values', `label ${SEARCH}`, 'label values that look like what is asked for'),
  row('POST', 'read', '', 'Prometheus remote read'),
  row('GET POST', 'export', SELECTION, 'samples in JSON lines of VictoriaMetrics'),
  row('GET POST', 'export/csv', `${SELECTION} format`, 'samples in CSV'),
  row('GET POST', 'export/ndjson', SELECTION, 'samples in JSON lines that lose nothing'),
  row('GET POST', 'export/openmetrics', SELECTION, 'samples in OpenMetrics text'),
  row('GET POST', 'export/parquet', `${SELECTION} labels`, 'samples as a Parquet file'),
  row('GET POST', 'export/arrow', `${SELECTION} labels`, 'samples as a stream of Arrow record batches'),
  row('POST', 'write', '', 'takes Prometheus remote write 1.0 and 2.0'),
  row('POST', 'import/prometheus', '', 'takes Prometheus text, OpenMetrics text or protobuf'),
  row('POST', 'import', '', 'takes JSON lines of VictoriaMetrics'),
  row('POST', 'import/ndjson', '', 'takes JSON lines of single samples'),
  row('POST', 'import/csv', 'format skip_rows', 'takes CSV'),
  row('POST', 'otlp/v1/metrics', '', 'takes OTLP in protobuf or JSON'),
  row('GET', 'targets', 'state scrapePool', 'the targets that are scraped, and those that were dropped'),
  row('GET', 'targets/metadata', 'match_target metric limit', 'what targets say of their metrics'),
  row('GET', 'targets/relabel_steps', 'scrapePool labels', 'what relabelling makes of a label set, step by step'),
  row('GET', 'scrape_pools', '', 'the names of the scrape pools'),
  row('GET', 'scrape_pools/config', 'scrapePool', 'the configuration of a scrape pool'),
  row('GET', 'rules', 'type rule_name[] rule_group[] file[] match[] exclude_alerts group_limit group_next_token', 'rules'),
  row('GET', 'alerts', '', 'alerts'),
  row('GET', 'alertmanagers', '', 'Alertmanagers'),
  row('GET', 'notifications', '', 'what the operator should know'),
  row('GET', 'notifications/live', '', 'the same as Server-Sent Events, as it comes'),
  row('GET', 'features', '', 'what this server can do'),
  row('GET', 'openapi.yaml', 'openapi_version', 'this description'),
  row('GET', 'status/buildinfo', '', 'versions'),
  row('GET', 'status/config', '', 'the settings as YAML'),
  row('GET', 'status/flags', '', 'the settings'),
  row('GET', 'status/runtimeinfo', '', 'start, host, retention'),
  row('GET', 'status/self_metrics', 'metric_name_pattern', "the server's own metrics in JSON"),
  row('GET', 'status/tsdb', 'limit', 'where the series come from'),
  row('GET', 'status/tsdb/blocks', '', 'the live segments'),
  row('GET', 'status/walreplay', '', 'progress of the replay'),
  row('POST PUT', 'admin/tsdb/delete_series', `${SELECTION} dry_run`, 'deletes samples'),
  row('POST PUT', 'admin/tsdb/undelete', 'sequence', 'takes a delete back'),
  row('POST PUT', 'admin/tsdb/clean_tombstones', '', 'carries out deletes'),
  row('POST PUT', 'admin/tsdb/flush', '', 'brings everything in memory into segments'),
  row('POST PUT', 'admin/tsdb/snapshot', '', 'makes a verified copy'),
  row('POST PUT', 'admin/tsdb/verify', '', 'reads and checks every stored byte'),
]
