/** A server that wants a token: the page asks for it, and goes on with it. */
import { chromium } from 'playwright-core'
import { freePort, ServerProcess, serverCommand } from '@tsink/testing'
import { findProgram } from '../programs.ts'
import type { Suite } from '../suite.ts'

export async function checkToken(suite: Suite): Promise<void> {
  const server = new ServerProcess(serverCommand(), await freePort(), ['--auth-token', 'between us'])
  const browser = await chromium.launch({
    executablePath: findProgram('chromium')!,
    args: ['--no-sandbox', '--disable-background-networking'],
  })
  try {
    await server.ready()
    await suite.check('page: asks for the token that a server wants, until it is right', async () => {
      const page = await browser.newPage()
      await page.goto(`${server.url}/#q=1&tab=table`)
      const field = page.getByRole('dialog', { name: 'This server needs a token' }).getByRole('textbox')
      for (const token of ['a guess', 'between us']) {
        await field.fill(token)
        const loaded = page.waitForEvent('load')
        await page.keyboard.press('Enter')
        await loaded
      }
      await page.getByRole('cell', { name: '1', exact: true }).waitFor()
      if (await field.isVisible()) throw new Error('the right token is asked for again')
    })
  } finally {
    await browser.close()
    await server.stop()
  }
}
