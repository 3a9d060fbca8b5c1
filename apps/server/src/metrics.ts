/**
 * Metrics: what the server says of itself at /metrics. Every counter is moved where the thing happens, and gauges are read when asked.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120]

export interface ProtocolCounters {
  readonly receivedBytes: Bound
  readonly decodedBytes: Bound
  readonly acceptedSamples: Bound
}

interface QueryMeters {
  readonly answered: Bound
  readonly seconds: { observe(value: number): void }
}

interface Bound {
  inc(value?: number): void
}

export class Metrics {
  readonly registry: Registry = new Registry()
  readonly requests: Counter<'route' | 'method' | 'code'>
  readonly requestSeconds: Histogram<'route'>
  readonly requestsInFlight: Gauge
  readonly connections: Counter
  readonly receivedBytes: Counter<'protocol'>
  readonly decodedBytes: Counter<'protocol'>
  readonly acceptedSamples: Counter<'protocol'>
  readonly rejectedSamples: Counter<'protocol' | 'reason'>
  readonly refusedWrites: Counter<'protocol' | 'code'>
  readonly appendSeconds: Histogram
  readonly queries: Counter<'kind' | 'outcome'>
  readonly querySeconds: Histogram<'kind'>
  readonly querySamples: Counter
  readonly listenerErrors: Counter<'protocol'>

  readonly #byProtocol = new Map<string, ProtocolCounters>()
  readonly #byKind = new Map<string, QueryMeters>()

  constructor(version: string) {
    const registers = [this.registry]
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
      new Counter({ name, help, labelNames: [...labelNames], registers })
    const seconds = <L extends string>(name: string, help: string, labelNames: readonly L[]): Histogram<L> =>
      new Histogram({ name, help, labelNames: [...labelNames], buckets: SECONDS, registers })
    collectDefaultMetrics({ register: this.registry })
    this.requests = counter('tsink_http_requests_total', 'HTTP requests answered, or left by their clients before (499).', [
      'route',
      'method',
      'code',
    ])
    this.requestSeconds = seconds('tsink_http_request_duration_seconds', 'Time from the head of a request to the end of its answer.', [
      'route',
    ])
    this.requestsInFlight = new Gauge({ name: 'tsink_http_requests_in_flight', help: 'HTTP requests in work.', registers })
    this.connections = counter('tsink_http_connections_total', 'TCP connections accepted.', [])
    this.receivedBytes = counter('tsink_write_received_bytes_total', 'Bytes of write bodies and datagrams as they came.', ['protocol'])
    this.decodedBytes = counter('tsink_write_decoded_bytes_total', 'Bytes of write bodies after decompression.', ['protocol'])
    this.acceptedSamples = counter('tsink_write_accepted_samples_total', 'Samples stored.', ['protocol'])
    this.rejectedSamples = counter('tsink_write_rejected_samples_total', 'Samples not stored, by reason.', ['protocol', 'reason'])
    this.refusedWrites = counter('tsink_write_refused_requests_total', 'Write requests of which nothing was stored, by status.', [
      'protocol',
      'code',
    ])
    this.appendSeconds = seconds('tsink_append_duration_seconds', 'Time the store took to make a batch as safe as promised.', [])
    this.queries = counter('tsink_queries_total', 'Queries by kind and outcome.', ['kind', 'outcome'])
    this.querySeconds = seconds('tsink_query_duration_seconds', 'Time of a query from its admission to its result.', ['kind'])
    this.querySamples = counter('tsink_query_samples_total', 'Samples read by queries.', [])
    this.listenerErrors = counter('tsink_listener_errors_total', 'Datagrams and lines that the listeners could not read.', ['protocol'])
    this.gauge('tsink_build_info', 'Always 1; the labels say what runs.', () => 1, { version, node: process.version })
  }

  /** The counters of a protocol that move with every body, bound once: finding them by labels would cost more than counting. */
  ofProtocol(protocol: string): ProtocolCounters {
    let counters = this.#byProtocol.get(protocol)
    if (counters === undefined) {
      counters = {
        receivedBytes: this.receivedBytes.labels({ protocol }),
        decodedBytes: this.decodedBytes.labels({ protocol }),
        acceptedSamples: this.acceptedSamples.labels({ protocol }),
      }
      this.#byProtocol.set(protocol, counters)
    }
    return counters
  }

  /** What moves with every query of a kind, bound once as well. */
  ofQueries(kind: 'instant' | 'range'): QueryMeters {
    let meters = this.#byKind.get(kind)
    if (meters === undefined) {
      meters = { answered: this.queries.labels({ kind, outcome: 'success' }), seconds: this.querySeconds.labels({ kind }) }
      this.#byKind.set(kind, meters)
    }
    return meters
  }

  /** A gauge that is read when someone asks. */
  gauge(name: string, help: string, read: () => number, labels: Readonly<Record<string, string>> = {}): void {
    const gauge = new Gauge({
      name,
      help,
      labelNames: Object.keys(labels),
      registers: [this.registry],
      collect(): void {
        gauge.set(labels, read())
      },
    })
  }

  /** A counter that someone else counts; read when someone asks. */
  countedElsewhere(name: string, help: string, read: () => number): void {
    const counter = new Counter({
      name,
      help,
      registers: [this.registry],
      collect(): void {
        counter.reset()
        counter.inc(read())
      },
    })
  }

  /** Everything in Prometheus's text format. */
  print(): Promise<string> {
    return this.registry.metrics()
  }
}
