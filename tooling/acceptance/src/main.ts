/**
 * `pnpm acceptance [--screenshot FILE]`: the real server between real programs. Debian's Prometheus scrapes Debian's node-exporter every
 * second and writes to us; ten queries must get the answers that Prometheus itself gives; we scrape beside it; a browser must draw
 * what came.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort, ServerProcess, serverCommand } from '@tsink/testing'
import { checkPage } from './page.ts'
import { installMissing, type Program } from './programs.ts'
import { compareWithPrometheus, startPrometheus } from './prometheus.ts'
import { compareScrapes } from './scraping.ts'
import { Suite } from './suite.ts'

const { values } = parseArgs({ options: { screenshot: { type: 'string' }, 'no-browser': { type: 'boolean', default: false } } })
const screenshot = values.screenshot === undefined ? null : resolve(values.screenshot)

installMissing(['prometheus', 'prometheus-node-exporter', ...(values['no-browser'] ? [] : (['chromium'] as const))])

const suite = new Suite()
const folder = mkdtempSync(join(tmpdir(), 'tsink-acceptance-'))
const server = new ServerProcess(serverCommand(), await freePort(), ['--data-path', join(folder, 'tsink')])
const programs: Program[] = []
try {
  await server.ready()
  const { prometheus, exporter, url } = await startPrometheus(folder, server.url)
  programs.push(prometheus, exporter)
  await compareWithPrometheus(suite, url, server.url)
  await compareScrapes(suite, folder)
  if (!values['no-browser']) await checkPage(suite, server.url, screenshot)
} catch (error) {
  await suite.check('the programs run', () => {
    throw error
  })
} finally {
  for (const program of programs) await program.stop()
}
await suite.check('SIGTERM ends the server with 0', async () => {
  const code = await server.stop()
  if (code !== 0) throw new Error(`it ended with ${code}:\n${server.stderr}`)
})
rmSync(folder, { recursive: true, force: true })
process.exitCode = suite.close()
