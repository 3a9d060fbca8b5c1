export type { DecodeOptions, Decoded, Refusal } from './decoded.ts'
export { finished, MAX_LISTED_REFUSALS, Rejected } from './decoded.ts'
export { SeriesCache, type SeriesCacheOptions } from './series-cache.ts'
export { decodeRemoteWrite, decodeSnappyRemoteWrite, type RemoteWriteDecoded } from './remote-write/decode.ts'
export { remoteWriteAnswer, writtenHeaders, type RemoteWriteAnswer } from './remote-write/answer.ts'
export { encodeRemoteWrite } from './remote-write/encode.ts'
export { REMOTE_WRITE_CONTENT_TYPES, REMOTE_WRITE_ENCODINGS, remoteWriteVersion } from './remote-write/content.ts'
export { REMOTE_WRITE_LIMITS } from './remote-write/limits.ts'
export { decodePrometheusText, prometheusTextInSlices, type TextOptions } from './prometheus-text/decode.ts'
export { chooseExposition, expositionFormat, PROMETHEUS_TEXT_CONTENT_TYPE, type ExpositionFormat } from './prometheus-text/content.ts'
export { pushedGroup } from './prometheus-text/push-path.ts'
export { TEXT_LIMITS } from './prometheus-text/limits.ts'
export { decodeOpenMetricsText, openMetricsTextInSlices, type OpenMetricsOptions } from './openmetrics-text/decode.ts'
export { decodePrometheusProtobuf, prometheusProtobufInSlices, type ExpositionProtobufOptions } from './prometheus-protobuf/decode.ts'
export { PROMETHEUS_PROTOBUF_CONTENT_TYPE } from './prometheus-protobuf/content.ts'
export { PROMETHEUS_PROTOBUF_LIMITS } from './prometheus-protobuf/limits.ts'
export { OPENMETRICS_CONTENT_TYPE } from './openmetrics-text/content.ts'
export {
  encodeError,
  encodeHistogram,
  encodeListing,
  encodeMetric,
  encodeQueryResult,
  encodeSuccess,
  type EnvelopeExtras,
  type ErrorType,
} from './prometheus-json/encode.ts'
export { PROMETHEUS_JSON_CONTENT_TYPE } from './prometheus-json/content.ts'
export { PROMETHEUS_JSON_LIMITS } from './prometheus-json/limits.ts'
export {
  decodeReadRequest,
  decodeReadResponse,
  decodeReadStream,
  type ReadHints,
  type ReadQuery,
  type ReadRequest,
  type ReadResponseType,
  type ReadSeries,
} from './remote-read/decode.ts'
export { encodeReadFrames, encodeReadRequest, ReadResponseEncoder } from './remote-read/encode.ts'
export { REMOTE_READ_CONTENT_TYPE, REMOTE_READ_STREAM_CONTENT_TYPE } from './remote-read/content.ts'
export { REMOTE_READ_LIMITS } from './remote-read/limits.ts'
export { decodeLineProtocol, type InfluxOptions } from './influx/decode.ts'
export { encodeLine, type InfluxPoint, type InfluxValue } from './influx/encode.ts'
export { LineParser, unescapedName, unescapedString, type LineSink } from './influx/line-parser.ts'
export { INFLUX_VERSION, influxPrecision, type InfluxPrecision } from './influx/content.ts'
export { INFLUX_LIMITS } from './influx/limits.ts'
export { decodeOtlp } from './otlp/decode.ts'
export type { OtlpOptions } from './otlp/translate.ts'
export { DeltaAccumulator, type DeltaAccumulatorOptions } from './otlp/accumulate.ts'
export { encodeOtlpError, encodeOtlpResponse } from './otlp/encode.ts'
export { OTLP_CONTENT_TYPES, otlpEncoding, type OtlpEncoding } from './otlp/content.ts'
export { OTLP_LIMITS } from './otlp/limits.ts'
export {
  translateLabelName,
  translateMetricName,
  translateUnit,
  type LabelNaming,
  type MetricNaming,
  type OtlpMetricType,
  type TranslationStrategy,
} from './otlp/names.ts'
export { decodeStatsd, type StatsdDecoded, type StatsdEvent } from './statsd/decode.ts'
export { StatsdAggregator, type StatsdAggregatorOptions } from './statsd/aggregate.ts'
export type { StatsdDialects } from './statsd/content.ts'
export {
  statsdMetricType,
  StatsdMapper,
  type StatsdMapped,
  type StatsdMapping,
  type StatsdMetricType,
  type StatsdObserving,
  type StatsdRule,
} from './statsd/mapping.ts'
export { STATSD_LIMITS } from './statsd/limits.ts'
export { compileRelabel, relabel, type RelabelStep } from './relabel/relabel.ts'
export { RELABEL_ACTIONS, RELABEL_DEFAULTS, type RelabelAction, type RelabelConfig } from './relabel/config.ts'
export { decodeGraphite, type GraphiteOptions } from './graphite/decode.ts'
export { decodeGraphitePickle, wholePickleFrames } from './graphite/decode-pickle.ts'
export { compileGraphiteTemplates, type GraphiteTemplate } from './graphite/content.ts'
export { GRAPHITE_LIMITS } from './graphite/limits.ts'
export { decodeOpenTsdbJson, decodeOpenTsdbLines } from './opentsdb/decode.ts'
export { openTsdbReply } from './opentsdb/content.ts'
export { OPENTSDB_LIMITS } from './opentsdb/limits.ts'
export { decodeJsonLines } from './vm-json/decode.ts'
export { encodeJsonLines } from './vm-json/encode.ts'
export { VM_JSON_CONTENT_TYPE } from './vm-json/content.ts'
export { VM_JSON_LIMITS } from './vm-json/limits.ts'
export { decodeSampleLines } from './ndjson/decode.ts'
export { encodeSampleLines } from './ndjson/encode.ts'
export { NDJSON_CONTENT_TYPE } from './ndjson/content.ts'
export { NDJSON_LIMITS } from './ndjson/limits.ts'
export { decodeCsv, type CsvOptions } from './csv/decode.ts'
export { encodeCsv, parseCsvFields, type CsvField } from './csv/encode.ts'
export { CSV_CONTENT_TYPE, parseCsvFormat, type CsvColumn, type CsvTime } from './csv/content.ts'
export { CSV_LIMITS } from './csv/limits.ts'
export { decodeCollectd } from './collectd/decode.ts'
export { COLLECTD_CONTENT_TYPE } from './collectd/content.ts'
export { COLLECTD_LIMITS } from './collectd/limits.ts'
export { encodeFederation, printName, printSeries } from './prometheus-text/encode.ts'
export { OpenMetricsEncoder } from './openmetrics-text/encode.ts'
export { printBound, printShortest, printValue } from './decimal.ts'
export { labelName, metricName } from './names.ts'
export { LineProblem } from './line-problem.ts'
export { ProtoReader, ProtoWriter } from './protobuf.ts'
export { bucketLayout } from './otlp/translate.ts'
