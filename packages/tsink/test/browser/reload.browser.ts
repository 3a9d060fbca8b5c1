/**
 * tsink in a real browser: in the page's memory, and in a worker on the origin-private file system, where what was acknowledged is there after the
 * page was loaded anew. Needs a chromium, by default Debian's; CHROMIUM names another.
 */
import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'
import { createServer, type ViteDevServer } from 'vite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const isThere = existsSync(executablePath)

describe.skipIf(!isThere)(isThere ? 'in a browser' : `in a browser (skipped: there is no ${executablePath})`, () => {
  let server: ViteDevServer
  let browser: Browser
  let page: Page
  let address = ''

  beforeAll(async () => {
    server = await createServer({
      root: import.meta.dirname,
      configFile: false,
      logLevel: 'error',
      cacheDir: `${import.meta.dirname}/../../node_modules/.vite-test`,
      resolve: { conditions: ['@tsink/source', 'module', 'browser', 'development|production'] },
      worker: { format: 'es' },
      server: { fs: { strict: false }, host: '127.0.0.1' },
    })
    await server.listen()
    address = server.resolvedUrls!.local[0]!
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-background-networking'] })
    page = await (await browser.newContext()).newPage()
    page.on('pageerror', (error) => process.stderr.write(`page: ${error.stack ?? error.message}\n`))
    page.on('console', (message) => {
      if (message.type() === 'error') process.stderr.write(`console: ${message.text()}\n`)
    })
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  async function call(name: string): Promise<unknown> {
    await page.goto(address)
    await page.waitForFunction('globalThis.tsinkTest !== undefined', undefined, { timeout: 60_000 })
    return page.evaluate(`tsinkTest.${name}()`)
  }

  test('a database in memory runs in the page', async () => {
    expect(await call('memory')).toEqual([{ timestamp: 1_750_000_000_000, value: 42 }])
  }, 120_000)

  test('what was acknowledged is there after the page was loaded anew', async () => {
    expect(await call('write')).toEqual({ accepted: 1_000, durability: 'durable' })
    expect(await call('read')).toEqual({
      samples: [
        ['/0', 334],
        ['/1', 333],
        ['/2', 333],
      ],
      handle: 100,
      problems: [],
    })
  }, 120_000)

  test('files need a worker, and say so', async () => {
    expect(await call('without')).toBe('UNSUPPORTED')
  }, 60_000)
})
