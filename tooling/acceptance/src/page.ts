/**
 * The page in a real browser, over what Prometheus sent: it opens, draws, completes, diagnoses, explains, explores, and keeps its state in the
 * address; by mouse, by keyboard, on a phone, in the dark.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { chromium } from 'playwright-core'
import type { Part } from './part.ts'
import { findProgram } from './programs.ts'
import type { Suite } from './suite.ts'
import { checkEditor } from './page/editor.ts'
import { checkExploring } from './page/exploring.ts'
import { checkPanels } from './page/panels.ts'
import { checkResults, sendHistogram } from './page/results.ts'
import { PageUnderTest } from './page/page-under-test.ts'
import { checkToken } from './page/token.ts'

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
  await sendHistogram(url)
  const executablePath = findProgram('chromium')!
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-background-networking'] })
  const problems: string[] = []
  /** A check with a page of its own, without what others left in it. */
  const check = (name: string, hash: string, run: (page: PageUnderTest) => Promise<void>): Promise<void> =>
    suite.check(`page: ${name}`, async () => {
      const page = await PageUnderTest.open(browser, url, hash, {}, problems)
      try {
        await run(page)
      } finally {
        await page.close()
      }
    })
  try {
    await checkResults(check)
    await checkEditor(check)
    await checkExploring(check)
    await checkPanels(check)
    for (const colorScheme of ['dark', 'light'] as const) {
      await suite.check(`page: a phone's screen in ${colorScheme} colours holds it without scrolling sideways`, async () => {
        const phone = { viewport: { width: 390, height: 844 }, colorScheme }
        for (const tab of ['graph', 'table', 'explain']) {
          const page = await PageUnderTest.open(
            browser,
            url,
            `q=sum by (mode) (rate(node_cpu_seconds_total[1m]))&tab=${tab}`,
            phone,
            problems,
          )
          await page.root.locator('.result').waitFor()
          const [width, brightness] = await page.root.evaluate(() => {
            const [red = 0] = /\d+/.exec(getComputedStyle(document.body).backgroundColor) ?? []
            return [document.documentElement.scrollWidth, Number(red)] as const
          })
          await page.close()
          if (width > 390) throw new Error(`the tab ${tab} is ${width} pixels wide`)
          if (colorScheme === 'dark' ? brightness > 60 : brightness < 200) throw new Error(`the ground's red is ${brightness}`)
        }
      })
    }
    await checkToken(suite)
    if (screenshot !== null) await draw(browser, url, screenshot)
    await suite.check('the page threw no error', () => {
      if (problems.length > 0) throw new Error(problems.join('; '))
    })
  } finally {
    await browser.close()
  }
}

async function draw(browser: Parameters<typeof PageUnderTest.open>[0], url: string, path: string): Promise<void> {
  const page = await PageUnderTest.open(browser, url, 'q=rate(node_cpu_seconds_total[1m])&range=60', {}, [])
  await page.drawn()
  mkdirSync(dirname(path), { recursive: true })
  await page.root.screenshot({ path })
  await page.close()
  console.log(`      screenshot: ${path}`)
}
