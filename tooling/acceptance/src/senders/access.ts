/** A server that wants a token, and clients that carry it each in its own way: what they send is stored, and without it they are refused. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InfluxDB as InfluxDB2 } from '@influxdata/influxdb-client'
import { OTLPMetricExporter as GrpcExporter } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { MeterProvider, PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics'
import { Sender } from '@questdb/nodejs-client'
import { freePort, ServerProcess, serverCommand } from '@tsink/testing'
import { InfluxDB as InfluxDB1 } from 'influx'
import { Gauge, Pushgateway, Registry } from 'prom-client'
import type { Part } from '../part.ts'
import { runProgram } from '../programs.ts'

const TOKEN = 'a secret of ours'

export const access: Part = {
  name: 'access',
  programs: ['influx', 'promtool'],
  async run(suite, stage) {
    const folder = stage.makeFolder('access')
    const [port, grpcPort] = [await freePort(), await freePort()]
    const secret = join(folder, 'token')
    writeFileSync(secret, `${TOKEN}\n`)
    const server = new ServerProcess(serverCommand(), port, ['--auth-token-file', secret, '--otlp-grpc-listen', `127.0.0.1:${grpcPort}`])
    await server.ready()
    const host = `127.0.0.1:${port}`

    /** A client sends with the right token and with a wrong one: of the two series only the first is there. */
    const check = (what: string, name: string, send: (token: string, series: string) => Promise<unknown>): Promise<void> =>
      suite.check(`access: ${what}`, async () => {
        await send(TOKEN, `${name}_in`)
        // Some of them hide the refusal; what counts is that nothing is stored.
        await send('another', `${name}_out`).catch(() => undefined)
        const headers = { authorization: `Bearer ${TOKEN}` }
        const query = encodeURIComponent(`count by (__name__) ({__name__=~"${name}_.*"})`)
        const answer = await (await fetch(`${server.url}/api/v1/query?query=${query}`, { headers })).text()
        const names = [...answer.matchAll(/"__name__":"(\w+)"/g)].map(([, found]) => found)
        if (names.join(' ') !== `${name}_in`) throw new Error(`stored is ${names.join(' ') || 'nothing'}`)
      })

    await check("InfluxDB's shell, by password", 'shell', (token, series) =>
      runProgram('influx', [
        '-host',
        '127.0.0.1',
        '-port',
        String(port),
        '-username',
        'any',
        '-password',
        token,
        '-database',
        'x',
        '-execute',
        `INSERT ${series} value=1`,
      ]),
    )
    await check('influx of npm, by password', 'v1', (token, series) => {
      const client = new InfluxDB1({ host: '127.0.0.1', port, database: 'x', username: 'any', password: token })
      return client.writePoints([{ measurement: series, fields: { value: 1 } }])
    })
    await check('@influxdata/influxdb-client, by its token', 'v2', async (token, series) => {
      const writer = new InfluxDB2({ url: server.url, token }).getWriteApi('org', 'bucket', 'ns', {
        maxRetries: 0,
        writeFailed: async () => undefined,
      })
      writer.writeRecord(`${series} value=1`)
      await writer.flush()
      await writer.close()
    })
    for (const [way, credentials] of [
      ['token', (token: string) => `token=${token}`],
      ['password', (token: string) => `username=any;password=${token}`],
    ] as const) {
      await check(`@questdb/nodejs-client, by ${way}`, `questdb_${way}`, async (token, series) => {
        const sender = await Sender.fromConfig(`http::addr=${host};${credentials(token)};auto_flush=off`)
        await sender.table(series).floatColumn('value', 1).atNow()
        await sender.flush()
        await sender.close()
      })
    }
    await check('prom-client, by a header', 'pushed', (token, series) => {
      const registry = new Registry()
      new Gauge({ name: series, help: 'x', registers: [registry] }).set(1)
      const headers = { authorization: `Bearer ${token}` }
      return new Pushgateway(server.url, { headers } as never, registry).pushAdd({ jobName: 'x' }).then(({ resp }) => {
        const { statusCode } = resp as { statusCode: number }
        if (statusCode !== 200) throw new Error(`it was answered ${statusCode}`)
      })
    })
    const exporters: Readonly<Record<string, () => PushMetricExporter>> = {
      json: () => new JsonExporter({ url: `${server.url}/v1/metrics` }),
      grpc: () => new GrpcExporter({ url: `http://127.0.0.1:${grpcPort}` }),
    }
    for (const [way, exporter] of Object.entries(exporters)) {
      await check(`OpenTelemetry over ${way}, by its environment`, `otel_${way}`, async (token, series) => {
        process.env['OTEL_EXPORTER_OTLP_HEADERS'] = `authorization=${encodeURIComponent(`Bearer ${token}`)}`
        const reader = new PeriodicExportingMetricReader({ exporter: exporter(), exportIntervalMillis: 3_600_000 })
        const provider = new MeterProvider({ readers: [reader] })
        provider.getMeter('x').createUpDownCounter(series).add(1)
        try {
          await provider.forceFlush()
        } finally {
          delete process.env['OTEL_EXPORTER_OTLP_HEADERS']
          await provider.shutdown().catch(() => undefined)
        }
      })
    }
    await suite.check('access: promtool asks, by a password in the URL', async () => {
      const ask = (token: string): Promise<string> =>
        runProgram('promtool', ['query', 'instant', `http://any:${encodeURIComponent(token)}@${host}`, '1 + 1'])
      const refusal = await ask('another').catch((error: Error) => error.message)
      if (!refusal.includes('needs a token') && !refusal.includes('401')) throw new Error(`with a wrong one it printed ${refusal}`)
      const answer = await ask(TOKEN)
      if (!answer.startsWith('scalar: 2 @')) throw new Error(`it printed ${answer}`)
    })
    await server.stop()
  },
}
