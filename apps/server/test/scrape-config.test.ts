/** The scrape config: what is understood, what is refused, and where the refusal points. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadScrapeConfig, printJob, type Job } from '@tsink/server'

const folder = mkdtempSync(join(tmpdir(), 'tsink-scrape-'))
const path = join(folder, 'scrape.yml')

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function load(text: string): readonly Job[] {
  writeFileSync(path, text)
  return loadScrapeConfig(path).jobs
}

describe('a scrape config', () => {
  test('is completed from the global section and the defaults', () => {
    const [first, second] = load(`
global: { scrape_interval: 30s, sample_limit: 7, external_labels: { site: a } }
scrape_configs:
  - job_name: one
  - job_name: two
    scrape_interval: 5s
    sample_limit: 0
    honor_labels: true
    params: { module: [http_2xx] }
    scheme: https
    basic_auth: { username: u, password_file: secret }
    static_configs:
      - targets: [a:1, b:2]
        labels: { version: 1.10, on: true }
`)
    expect(first).toMatchObject({
      jobName: 'one',
      scrapeInterval: 30_000,
      scrapeTimeout: 10_000,
      sampleLimit: 7,
      metricsPath: '/metrics',
      honorTimestamps: true,
    })
    expect(second).toMatchObject({
      scrapeInterval: 5_000,
      scrapeTimeout: 5_000,
      sampleLimit: 0,
      honorLabels: true,
      params: { module: ['http_2xx'] },
    })
    expect(second!.http.basicAuth).toMatchObject({ username: 'u', passwordFile: join(folder, 'secret') })
    // Text stays as it was written: 1.10 is no number here.
    expect(second!.staticConfigs).toEqual([{ targets: ['a:1', 'b:2'], labels: { version: '1.10', on: 'true' } }])
  })

  test('may be empty, and may be a whole Prometheus config', () => {
    expect(load('')).toEqual([])
    expect(load('scrape_configs:\n')).toEqual([])
    writeFileSync(path, 'rule_files: [a.yml]\nremote_write: [{ url: "http://x/" }]\nscrape_configs: [{ job_name: a }]\n')
    const config = loadScrapeConfig(path)
    expect(config.jobs).toHaveLength(1)
    expect(config.unread).toEqual(['rule_files', 'remote_write'])
  })

  test('may name further files, and may use anchors', () => {
    writeFileSync(join(folder, 'more-1.yml'), 'scrape_configs: [{ job_name: more }]\n')
    const jobs = load(
      'scrape_config_files: ["more-*.yml"]\nscrape_configs:\n  - &base { job_name: a, scrape_interval: 7s }\n  - { <<: *base, job_name: b }\n',
    )
    expect(jobs.map(({ jobName, scrapeInterval }) => [jobName, scrapeInterval])).toEqual([
      ['a', 7_000],
      ['b', 7_000],
      ['more', 60_000],
    ])
  })

  test('prints as it is in force, without secrets, and reads what it printed', () => {
    const text = `
scrape_configs:
  - job_name: a
    authorization: { credentials: s3cret }
    tls_config: { insecure_skip_verify: true, min_version: TLS12 }
    body_size_limit: 10MB
    relabel_configs: [{ source_labels: [a, b], target_label: c }, { action: labeldrop, regex: x.* }]
    dns_sd_configs: [{ names: [n.example], type: A, port: 9100 }]
`
    const printed = printJob(load(text)[0]!)
    expect(printed).not.toContain('s3cret')
    expect(printed).toContain('credentials: <secret>')
    const again = load(`scrape_configs:\n  - ${printed.trimEnd().replaceAll('\n', '\n    ')}\n`)
    expect(printJob(again[0]!)).toBe(printed)
    expect(again[0]).toMatchObject({
      bodySizeLimit: 10 * 2 ** 20,
      dnsSdConfigs: [{ names: ['n.example'], type: 'A', port: 9_100, refreshInterval: 30_000 }],
    })
  })
})

describe('a scrape config is refused', () => {
  const check = (text: string, problem: string): void => {
    let message = 'nothing'
    try {
      load(text)
    } catch (error) {
      message = (error as Error).message
    }
    expect(message.replace(`${folder}/`, '')).toBe(problem)
  }
  const job = (lines: string): string => `scrape_configs:\n  - job_name: a\n${lines.replaceAll(/^/gm, '    ')}\n`

  test('with the line and the field', () => {
    check('scrape_configs:\n  - metrics_path: /m\n', 'scrape.yml:2: scrape_configs[0].job_name is missing')
    check(job('scrape_interval: fast'), 'scrape.yml:3: scrape_configs[0].scrape_interval: "fast" is not a duration such as 15s or 1m')
    check(job('scrape_intervall: 1s'), 'scrape.yml:3: scrape_configs[0].scrape_intervall is not a known field')
    check(job("static_configs:\n  - labels: { '': a }"), 'scrape.yml:4: scrape_configs[0].static_configs[0].labels: a label name is empty')
    check(job('honor_labels: maybe'), 'scrape.yml:3: scrape_configs[0].honor_labels: "maybe" is not true or false')
    check(job('static_configs: a'), 'scrape.yml:3: scrape_configs[0].static_configs: expected a list, found a single value')
    check(
      job('static_configs:\n  - targets: [http://a:1/m]'),
      'scrape.yml:4: scrape_configs[0].static_configs[0].targets[0]: "http://a:1/m" is not an address such as host:9100, without scheme and path',
    )
    check(
      job('metric_relabel_configs:\n  - action: drop\n    regex: "("'),
      'scrape.yml:5: scrape_configs[0].metric_relabel_configs[0].regex: error parsing regexp: missing closing ): `(`',
    )
    check(
      job('relabel_configs:\n  - source_labels: [a]'),
      "scrape.yml:4: scrape_configs[0].relabel_configs[0].target_label: relabel configuration for replace action requires 'target_label' value",
    )
    check(
      job('relabel_configs:\n  - action: zap'),
      'scrape.yml:4: scrape_configs[0].relabel_configs[0].action: "zap" is not one of replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase',
    )
    check('scrape_configs:\n  - a: [\n', 'scrape.yml:3: Flow sequence in block collection must be sufficiently indented and end with a ]')
  })

  test('when its parts do not go together', () => {
    check(
      job('scrape_interval: 1s\nscrape_timeout: 2s'),
      'scrape.yml: scrape timeout greater than scrape interval for scrape config with job name "a"',
    )
    check('scrape_configs: [{ job_name: a }, { job_name: a }]', 'scrape.yml: found multiple scrape configs with job name "a"')
    check(
      job('bearer_token: a\nbasic_auth: { username: b }'),
      'scrape.yml:2: scrape_configs[0]: at most one of basic_auth, authorization, bearer_token and bearer_token_file may be given',
    )
    check(
      job('dns_sd_configs: [{ names: [a], type: A }]'),
      'scrape.yml: job "a": a port is required in DNS-SD configs for all record types except SRV',
    )
    check(
      job('file_sd_configs: [{ files: [a.txt] }]'),
      'scrape.yml:3: scrape_configs[0].file_sd_configs[0].files[0]: "a.txt" is not a path that ends in .json, .yml or .yaml; only its last part may hold *',
    )
  })

  test('by name where something is not built in, with the way around it', () => {
    check(
      job('kubernetes_sd_configs: [{ role: pod }]'),
      'scrape.yml:3: scrape_configs[0].kubernetes_sd_configs is not built in: let something write its targets for file_sd_configs or serve them for http_sd_configs',
    )
    check(
      job('proxy_url: http://p'),
      'scrape.yml:3: scrape_configs[0].proxy_url is not built in: point the target address at the proxy, or scrape from behind it',
    )
  })
})
