/** OpenTelemetry's exporters for Node: over HTTP with JSON, over HTTP with protobuf, and over gRPC. */
import type { Attributes } from '@opentelemetry/api'
import { OTLPMetricExporter as GrpcExporter } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { AggregationTemporalityPreference, OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationType, MeterProvider, PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics'
import { sleep } from '@tsink/testing'
import { untilStored } from '../answer.ts'
import type { Part } from '../part.ts'
import type { Stage } from '../stage.ts'
import type { Suite } from '../suite.ts'

export const opentelemetry: Part = {
  name: 'opentelemetry',
  programs: [],
  async run(suite, stage) {
    const { DELTA, CUMULATIVE } = AggregationTemporalityPreference
    const grpc = `http://127.0.0.1:${stage.ports['otlp-grpc']}`
    for (const [temporalityPreference, compression, suffix] of [
      [CUMULATIVE, 'none', ''],
      [DELTA, 'gzip', '_delta'],
    ] as const) {
      // As it is set for programs that cannot be changed.
      process.env['OTEL_EXPORTER_OTLP_COMPRESSION'] = compression
      const json = new JsonExporter({ url: `${stage.url}/v1/metrics`, temporalityPreference })
      await checkExporter(suite, stage, `otel_json${suffix}`, json)
      const protobuf = new ProtobufExporter({ url: `${stage.url}/api/v1/otlp/v1/metrics`, temporalityPreference })
      await checkExporter(suite, stage, `otel_protobuf${suffix}`, protobuf)
      await checkExporter(suite, stage, `otel_grpc${suffix}`, new GrpcExporter({ url: grpc, temporalityPreference }))
    }
  },
}

/** Each kind of instrument, collected twice: totals must be right after both, whatever the exporter sends, deltas or totals. */
async function checkExporter(suite: Suite, stage: Stage, name: string, exporter: PushMetricExporter): Promise<void> {
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': 'shop', 'service.instance.id': name, 'host.name': 'web01' }),
    readers: [reader],
    views: [
      { instrumentName: `${name}.size`, aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: 20 } } },
      {
        instrumentName: `${name}.latency`,
        aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries: [0.5, 1] } },
      },
    ],
  })
  const meter = provider.getMeter('acceptance', '1.2.3')
  const requests = meter.createCounter(`${name}.requests`, { description: 'requests', unit: '1' })
  const active = meter.createUpDownCounter(`${name}.active`)
  const latency = meter.createHistogram(`${name}.latency`, { unit: 's' })
  const size = meter.createHistogram(`${name}.size`, { unit: 'By' })
  meter.createObservableGauge(`${name}.temperature`, { unit: 'Cel' }).addCallback((result) => result.observe(21.5, attributes))
  const attributes: Attributes = { 'http.route': '/a/:id', code: 200 }

  await suite.check(`OpenTelemetry, ${name}: all kinds, with their totals`, async () => {
    requests.add(3, attributes)
    active.add(5, attributes)
    for (const value of [0.25, 0.75, 2]) latency.record(value, attributes)
    for (const value of [1, 2, 4]) size.record(value, attributes)
    await provider.forceFlush()
    // The second collection must have a time of its own.
    await sleep(5)
    requests.add(4, attributes)
    active.add(-2, attributes)
    latency.record(0.5, attributes)
    size.record(4, attributes)
    await provider.forceFlush()

    const labels = `code="200",http_route="/a/:id",instance="${name}",job="shop"`
    await untilStored(stage.url, `{__name__=~"${name}_.*",__name__!~".*_size.*",instance="${name}"}`, {
      [`${name}_requests_total{${labels}}`]: '3 7',
      [`${name}_active{${labels}}`]: '5 3',
      [`${name}_temperature_celsius{${labels}}`]: '21.5 21.5',
      [`${name}_latency_seconds_bucket{${labels},le="0.5"}`]: '1 2',
      [`${name}_latency_seconds_bucket{${labels},le="1"}`]: '2 3',
      [`${name}_latency_seconds_bucket{${labels},le="+Inf"}`]: '3 4',
      [`${name}_latency_seconds_sum{${labels}}`]: '3 3.5',
      [`${name}_latency_seconds_count{${labels}}`]: '3 4',
    })
    await untilStored(stage.url, `target_info{instance="${name}"}`, {
      [`target_info{host_name="web01",instance="${name}",job="shop"}`]: '1 1',
    })
  })
  await suite.check(`OpenTelemetry, ${name}: an exponential histogram is a native one`, async () => {
    const labels = `code="200",http_route="/a/:id",instance="${name}",job="shop"`
    const query = (expression: string, value: string): Promise<void> =>
      untilStored(stage.url, `(${expression})`, { [`{${labels}}`]: value }, { expression: true })
    await query(`histogram_count(${name}_size_bytes)`, '4')
    await query(`histogram_sum(${name}_size_bytes)`, '11')
    // Bounds of buckets of powers of two are exact in every schema.
    await query(`histogram_fraction(1, 2, ${name}_size_bytes) * 4`, '1')
    await query(`histogram_fraction(2, 4, ${name}_size_bytes) * 4`, '2')
  })
  await provider.shutdown()
}
