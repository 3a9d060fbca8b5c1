/**
 * The calls of Grafana's Prometheus data source. Grafana itself cannot be installed from a registry, so a script asks as it does: forms by POST
 * to everything that has a query, lists narrowed by `match[]`, the probes of "save and test", and gzip.
 */
import { request } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { printSeries, unlike, type Labels, type Stored } from '../answer.ts'
import type { Part } from '../part.ts'
import { seed } from './seed.ts'

interface Answer {
  readonly status: number
  readonly encoding: string
  readonly data: unknown
}

interface Exemplars {
  readonly seriesLabels: Labels
  readonly exemplars: readonly { readonly labels: Labels; readonly value: string; readonly timestamp: number }[]
}

const PUSHED = `# HELP grafana_requests How many.
# TYPE grafana_requests counter
grafana_requests_total{code="200"} 7 # {trace_id="abc"} 1.5
# EOF
`

export const grafana: Part = {
  name: 'grafana',
  programs: [],
  async run(suite, stage) {
    const name = 'seen_by_grafana'
    const { floats, start, end, step } = await seed(stage, name)
    const headers = { 'content-type': 'application/openmetrics-text; version=1.0.0' }
    const pushed = await fetch(`${stage.url}/api/v1/import/prometheus`, { method: 'POST', body: PUSHED, headers })
    if (!pushed.ok) throw new Error(`the push answered ${pushed.status}: ${await pushed.text()}`)
    const range = { start: String(start), end: String(end) }
    const post = (path: string, form: Form): Promise<Answer> => send(stage.url, 'POST', path, form)
    const get = (path: string, form: Form = {}): Promise<Answer> => send(stage.url, 'GET', path, form)
    const check = (what: string, call: () => Promise<Answer>, want: unknown): Promise<void> =>
      suite.check(`Grafana: ${what}`, async () => same(await call(), want))

    await suite.check('Grafana: "save and test" finds a Prometheus that adds', async () => {
      const { data } = await post('/api/v1/query', { query: '1+1', time: '4' })
      same({ status: 200, data }, { resultType: 'scalar', result: [4, '2'] })
      const { version, application } = (await get('/api/v1/status/buildinfo')).data as Record<string, string | undefined>
      if (!/^3\.\d+\.\d+$/.test(version ?? '') || application !== undefined) throw new Error(`buildinfo says ${version}, ${application}`)
      const healthy = await fetch(`${stage.url}/-/healthy`)
      if (!healthy.ok) throw new Error(`/-/healthy answered ${healthy.status}`)
    })
    await suite.check('Grafana: a graph by POST, compressed', async () => {
      const query = `${name}{room="a"}`
      const { status, encoding, data } = await post('/api/v1/query_range', { query, ...range, step: String(step) })
      const { result } = data as { result: { metric: Labels; values: [number, string][] }[] }
      const found = result.map(({ metric, values }) => [printSeries(metric), values.map(([time, value]) => `${value}@${time}`).join(' ')])
      const wrong = unlike({ [query]: floats[query]! }, Object.fromEntries(found) as Stored)
      if (status !== 200 || encoding !== 'gzip' || wrong.length > 0) throw new Error(`${status}, ${encoding}: ${wrong.join('; ')}`)
    })
    await check('a table by POST', () => post('/api/v1/query', { query: `sum by (room) (${name})`, time: String(end) }), {
      resultType: 'vector',
      result: [
        { metric: { room: 'a' }, value: [end, '24.875'] },
        { metric: { room: 'b "c"' }, value: [end, '-999607.96'] },
      ],
    })
    await check('an error is told', () => post('/api/v1/query', { query: 'sum(', time: '4' }), 'bad_data')
    await check('label names of a metric, by POST', () => post('/api/v1/labels', { 'match[]': name, ...range }), ['__name__', 'room'])
    const values = '/api/v1/label/room/values'
    await check('label values of a metric', () => get(values, { 'match[]': `{__name__="${name}"}`, ...range }), ['a', 'b "c"'])
    await check('label values with a limit', () => get(values, { 'match[]': name, ...range, limit: '1' }), ['a'])
    const names = (pattern: string): Form => ({ 'match[]': `{__name__=~"${pattern}"}`, ...range, limit: '40000' })
    await check('the names of metrics', () => get('/api/v1/label/__name__/values', names(`${name}.*`)), [name, `${name}_size`])
    await check('series, by POST', () => post('/api/v1/series', { 'match[]': `${name}{room!="a"}`, ...range }), [
      { __name__: name, room: 'b "c"' },
    ])
    await check('what a metric is', () => get('/api/v1/metadata', { metric: 'grafana_requests' }), {
      grafana_requests: [{ type: 'counter', help: 'How many.', unit: '' }],
    })
    await suite.check('Grafana: exemplars, by POST', async () => {
      const form = { query: 'rate(grafana_requests_total[5m])', start: '0', end: String(Date.now() / 1_000) }
      const { data } = await post('/api/v1/query_exemplars', form)
      const found = (data as Exemplars[]).map(({ seriesLabels, exemplars }) => [
        printSeries(seriesLabels),
        exemplars.map(({ labels, value }) => [labels, value]),
      ])
      same({ status: 200, data: found }, [['grafana_requests_total{code="200"}', [[{ trace_id: 'abc' }, '1.5']]]])
    })
    await check('rules', () => get('/api/v1/rules'), { groups: [] })
    await check('alerts', () => get('/api/v1/alerts'), { alerts: [] })
    await suite.check('Grafana: native histograms in a heat map', async () => {
      const { data } = await post('/api/v1/query_range', { query: `${name}_size`, ...range, step: String(step) })
      const [series] = (data as { result: { histograms?: [number, { count: string; buckets: unknown[] }][] }[] }).result
      const first = series?.histograms?.[0]
      same({ status: 200, data: first }, [
        start,
        {
          count: '8',
          sum: '0',
          buckets: [
            [3, '-1e-128', '1e-128', '1'],
            [0, '0.7071067811865475', '1', '1'],
            [0, '1', '1.414213562373095', '2'],
            [0, '2', '2.82842712474619', '4'],
          ],
        },
      ])
    })
  },
}

type Form = Readonly<Record<string, string>>

/** As Go's client asks: gzip is accepted and undone by hand, so that one sees that it came. */
function send(url: string, method: 'GET' | 'POST', path: string, form: Form): Promise<Answer> {
  const parameters = new URLSearchParams(form).toString()
  const target = new URL(method === 'GET' && parameters !== '' ? `${path}?${parameters}` : path, url)
  const headers = {
    'accept-encoding': 'gzip',
    'user-agent': 'Grafana/12.0.0',
    ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
  }
  return new Promise((done, fail) => {
    const sent = request(target, { method, headers }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        const encoding = answer.headers['content-encoding'] ?? ''
        const bytes = Buffer.concat(chunks)
        const body = JSON.parse((encoding === 'gzip' ? gunzipSync(bytes) : bytes).toString()) as { data?: unknown; errorType?: string }
        done({ status: answer.statusCode!, encoding, data: body.data ?? body.errorType })
      })
    })
    sent.on('error', fail)
    sent.end(method === 'POST' ? parameters : undefined)
  })
}

function same({ status, data }: Pick<Answer, 'status' | 'data'>, want: unknown): void {
  const expected = typeof want === 'string' ? 400 : 200
  if (status !== expected || JSON.stringify(data) !== JSON.stringify(want)) {
    throw new Error(`it answered ${status} ${JSON.stringify(data).slice(0, 500)}, not ${JSON.stringify(want).slice(0, 500)}`)
  }
}
