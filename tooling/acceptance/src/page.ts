/**
 * The page in a real browser: it opens, a query is drawn, and an error is shown as the server said it.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'
import type { Part } from './part.ts'
import { findProgram } from './programs.ts'
import type { Suite } from './suite.ts'

const QUERY = 'rate(node_cpu_seconds_total[1m])'

/** The page, drawn into a file when one is named. It shows what Prometheus sent, so that part runs before. */
export function page(screenshot: string | null): Part {
  return {
    name: 'page',
    programs: ['chromium'],
    after: ['prometheus'],
    run: (suite, stage) => checkPage(suite, stage.url, screenshot),
  }
}

async function checkPage(suite: Suite, url: string, screenshot: string | null): Promise<void> {
  const executablePath = findProgram('chromium')!
  const browser: Browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-background-networking'] })
  try {
    const page = await browser.newPage({ viewport: { width: 1_280, height: 860 }, deviceScaleFactor: 1 })
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(String(error)))
    await suite.check('the page opens in a browser', async () => {
      // The address says what is shown: the last minute, which is what has been scraped.
      const response = await page.goto(`${url}/#range=60`, { waitUntil: 'load' })
      if (response?.status() !== 200) throw new Error(`/ answered ${response?.status()}`)
      await page.waitForSelector('.editor', { timeout: 10_000 })
    })
    await suite.check(`the page draws ${QUERY}`, async () => {
      await runQuery(page, QUERY)
      await page.waitForSelector('canvas', { timeout: 15_000 })
      await page.waitForTimeout(1_000)
      if (!(await isDrawn(page))) throw new Error('the canvas is empty')
      if (screenshot === null) return
      mkdirSync(dirname(screenshot), { recursive: true })
      await page.screenshot({ path: screenshot })
      console.log(`      screenshot: ${screenshot}`)
    })
    await suite.check('the page shows an error as the server said it', async () => {
      await runQuery(page, 'sum(')
      await page.getByText('unclosed left parenthesis').first().waitFor({ timeout: 10_000 })
    })
    await suite.check('the page threw no error', () => {
      if (problems.length > 0) throw new Error(problems.join('; '))
    })
  } finally {
    await browser.close()
  }
}

/** Puts a query into the editor, whichever of the two it is by now, and runs it. */
async function runQuery(page: Page, query: string): Promise<void> {
  await page.locator('.editor').click()
  await page.keyboard.press('ControlOrMeta+A')
  await page.keyboard.insertText(query)
  await page.locator('button.run').click()
}

/** Whether any canvas of the page has more than one colour. */
function isDrawn(page: Page): Promise<boolean> {
  return page.evaluate(() =>
    [...document.querySelectorAll('canvas')].some((canvas) => {
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
      const colours = new Set<number>()
      for (let i = 0; i < data.length; i += 4) if (data[i + 3]! > 0) colours.add((data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!)
      return colours.size > 4
    }),
  )
}
