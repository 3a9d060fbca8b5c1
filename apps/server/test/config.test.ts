import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { flagName, loadConfig, OPTIONS, printHelp, printReference, variableName } from '@tsink/server'

const folder = mkdtempSync(join(tmpdir(), 'tsink-config-'))

function file(text: string): string {
  const path = join(folder, `${Math.random()}.yml`)
  writeFileSync(path, text)
  return path
}

async function message(argv: readonly string[], env = {}): Promise<string> {
  try {
    await loadConfig(argv, env)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('expected a refusal')
}

describe('settings', () => {
  test('have defaults', async () => {
    const config = await loadConfig([], {})
    expect(config).toMatchObject({
      listen: '127.0.0.1:9201',
      dataPath: null,
      retention: 14 * 86_400_000,
      queryTimeout: 120_000,
      walSyncMode: 'every-write',
    })
  })

  test('come from flags first, then from the environment, then from the file', async () => {
    const path = file('query-timeout: 1m\nretention: 1d\nlisten: 127.0.0.1:1\n')
    const env = { TSINK_CONFIG: path, TSINK_RETENTION: '2d', TSINK_QUERY_TIMEOUT: '2s' }
    const config = await loadConfig(['--query-timeout', '3s'], env)
    expect(config).toMatchObject({ queryTimeout: 3_000, retention: 2 * 86_400_000, listen: '127.0.0.1:1' })
  })

  test('can be written with an equals sign, and booleans without a value', async () => {
    const config = await loadConfig(['--write-max-body=1MiB', '--enable-admin-api', '--wal-enabled', 'false', '--enable-lifecycle=no'], {})
    expect(config).toMatchObject({ writeMaxBody: 1_048_576, enableAdminApi: true, walEnabled: false, enableLifecycle: false })
  })

  test('that are wrong are refused in one line that names them', async () => {
    expect(await message(['--listn', 'x'])).toBe('unknown flag --listn; did you mean --listen?')
    expect(await message(['--frobnicate'])).toBe('unknown flag --frobnicate')
    expect(await message(['serve'])).toContain('unexpected argument "serve"')
    expect(await message(['--retention', 'soon'])).toBe('--retention: "soon" is not a duration such as 30s, 5m or 14d')
    expect(await message(['--listen', '9201'])).toContain('--listen: "9201" is not an address')
    expect(await message(['--listen', 'localhost:70000'])).toContain('is not an address')
    expect(await message(['--retention'])).toContain('--retention needs a value')
    expect(await message(['--retention', '1d', '--retention', '2d'])).toBe('--retention is given twice')
    expect(await message([], { TSINK_WAL_SYNC_MODE: 'never' })).toContain('TSINK_WAL_SYNC_MODE: "never" is not one of every-write')
    expect(await message(['--tls-cert', 'x.pem'])).toBe('--tls-cert and --tls-key go together')
    expect(await message(['--enable-feature', 'warp-drive'])).toContain('--enable-feature: "warp-drive" is not a list of')
    const path = file('retentoin: 5d\n')
    expect(await message(['--config', path])).toBe(`${path}: unknown setting retentoin; did you mean retention?`)
    expect(await message(['--config', join(folder, 'none.yml')])).toContain('cannot read the config file')
    expect(await message(['--config', file('[1, 2]')])).toContain('expected a map of settings')
  })
})

describe('texts made from the table', () => {
  test('the help names every flag', () => {
    const help = printHelp('tsink-server')
    for (const key of Object.keys(OPTIONS)) expect(help).toContain(`  ${flagName(key)} `)
  })

  test('the reference page in docs is current', () => {
    const page = readFileSync(new URL('../../../docs/reference/config.md', import.meta.url), 'utf8')
    expect(page, 'run: node --conditions=@tsink/source apps/server/src/print-reference.ts').toBe(printReference())
    for (const key of Object.keys(OPTIONS)) expect(page).toContain(variableName(key))
  })
})
