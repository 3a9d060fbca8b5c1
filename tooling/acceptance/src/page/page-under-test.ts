/** The page as a person has it before them: what one does with it, and what one sees. */
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'

/** How long anything on the page may take. */
const PATIENCE_MS = 15_000

export type Check = (name: string, hash: string, run: (page: PageUnderTest) => Promise<void>) => Promise<void>

export class PageUnderTest {
  readonly root: Page

  private constructor(root: Page) {
    this.root = root
  }

  /** The page at an address, with the editor and its language loaded. */
  static async open(
    browser: Browser,
    url: string,
    hash: string,
    options: BrowserContextOptions,
    problems: string[],
  ): Promise<PageUnderTest> {
    const context = await browser.newContext({ viewport: { width: 1_280, height: 860 }, colorScheme: 'dark', ...options })
    const root = await context.newPage()
    root.setDefaultTimeout(PATIENCE_MS)
    root.on('pageerror', (error) => problems.push(String(error)))
    const page = new PageUnderTest(root)
    await page.load(`${url}/#${new URLSearchParams(hash)}`)
    return page
  }

  async load(url: string): Promise<void> {
    const response = await this.root.goto(url, { waitUntil: 'load' })
    if (response !== null && response.status() !== 200) throw new Error(`/ answered ${response.status()}`)
    await this.root.locator('.cm-content').first().waitFor()
    // The language comes after the editor: its colours say that it is there.
    await this.root.waitForFunction(() => performance.getEntriesByType('resource').some(({ name }) => name.includes('/language-')))
  }

  async close(): Promise<void> {
    await this.root.context().close()
  }

  /** Writes into the editor of a panel as a person does, in the place of what is there. */
  async type(text: string, panel = 0): Promise<void> {
    await this.root.locator('.cm-content').nth(panel).click()
    await this.root.keyboard.press('ControlOrMeta+A')
    await this.root.keyboard.type(text, { delay: 10 })
  }

  /** Puts a query into the editor at once and runs it. */
  async run(query: string, panel = 0): Promise<void> {
    await this.root.locator('.cm-content').nth(panel).click()
    await this.root.keyboard.press('ControlOrMeta+A')
    await this.root.keyboard.insertText(query)
    await this.root.locator('button.run').nth(panel).click()
  }

  /** The text of an editor. */
  async query(panel = 0): Promise<string> {
    const lines = await this.root.locator('.cm-content').nth(panel).locator('.cm-line').allTextContents()
    return lines.join('\n')
  }

  /** Waits until the text of an editor is this. */
  async queryIs(wanted: string, panel = 0): Promise<void> {
    await this.until(
      async () => (await this.query(panel)) === wanted,
      async () => `the query is ${await this.query(panel)}, not ${wanted}`,
    )
  }

  /** The completion with this name, once it is offered. */
  completion(label: string): Locator {
    return this.root.locator('.cm-tooltip-autocomplete li').filter({ has: this.root.getByText(label, { exact: true }) })
  }

  /** Takes the first completion with Enter, once it has this name. */
  async accept(label: string): Promise<void> {
    await this.completion(label).and(this.root.locator('[aria-selected]')).waitFor()
    // A list that has only just come takes no Enter: that was meant for something else.
    await this.root.waitForTimeout(150)
    await this.root.keyboard.press('Enter')
  }

  /** Waits until a canvas has more than one colour. */
  async drawn(): Promise<void> {
    await this.root.locator('canvas').first().waitFor()
    await this.until(
      () =>
        this.root.evaluate(() =>
          [...document.querySelectorAll('canvas')].some((canvas) => {
            const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
            const colours = new Set<number>()
            for (let i = 0; i < data.length; i += 4)
              if (data[i + 3]! > 0) colours.add((data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!)
            return colours.size > 4
          }),
        ),
      () => 'the canvas is empty',
    )
  }

  /** Waits until something is so. */
  async until(holds: () => Promise<boolean>, otherwise: () => string | Promise<string>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    while (!(await holds())) {
      if (performance.now() > deadline) throw new Error(await otherwise())
      await this.root.waitForTimeout(50)
    }
  }
}
