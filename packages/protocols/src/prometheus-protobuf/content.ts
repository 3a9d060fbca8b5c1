/** Content type of the protobuf exposition: MetricFamily messages, each behind its length. */
export const PROMETHEUS_PROTOBUF_CONTENT_TYPE =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
