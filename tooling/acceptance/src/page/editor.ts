/** The editor: it completes, diagnoses, explains, colours and formats by our own language service. */
import type { Check } from './page-under-test.ts'

export async function checkEditor(check: Check): Promise<void> {
  await check('completes a metric, its labels and their values', '', async (page) => {
    const { keyboard } = page.root
    await page.type('rate(node_cpu_sec')
    await page.accept('node_cpu_seconds_total')
    await page.queryIs('rate(node_cpu_seconds_total)')
    await keyboard.type('{')
    await page.completion('mode').click()
    await page.queryIs('rate(node_cpu_seconds_total{mode=""})')
    await page.completion('idle').click()
    await page.queryIs('rate(node_cpu_seconds_total{mode="idle"})')
  })
  await check('completes a function with its parentheses, and says what it is', '', async (page) => {
    await page.type('histogram_quantil')
    await page.completion('histogram_quantile').waitFor()
    await page.root.locator('.cm-completionInfo').getByText('quantile').first().waitFor()
    await page.accept('histogram_quantile')
    await page.queryIs('histogram_quantile()')
  })
  await check('says what a metric is while one chooses it', '', async (page) => {
    await page.type('node_memory_MemTot')
    await page.completion('node_memory_MemTotal_bytes').waitFor()
    // A trial of a click finds it only where nothing hides it.
    await page.root.locator('.cm-completionInfo').getByText('gauge').click({ trial: true })
  })
  await check('diagnoses a metric that there is not, with the nearest name', '', async (page) => {
    await page.type('sum(node_cpu_second_total)')
    await page.root.keyboard.press('Escape')
    await page.root.locator('.cm-lintRange-warning').hover()
    await page.root.locator('.cm-tooltip').getByText('did you mean node_cpu_seconds_total?').waitFor()
  })
  await check('diagnoses rate() of a gauge', 'q=rate(node_memory_MemTotal_bytes[5m])', async (page) => {
    await page.root.locator('.cm-lintRange-warning').hover()
    await page.root.locator('.cm-tooltip').getByText('node_memory_MemTotal_bytes is a gauge').waitFor()
  })
  await check('diagnoses what does not parse before it is run', '', async (page) => {
    await page.type('sum(up))')
    await page.root.locator('.cm-lintRange-error').waitFor()
  })
  await check('explains functions and metrics under the pointer', 'q=rate(node_cpu_seconds_total[1m])', async (page) => {
    await page.root.locator('.tok-function').hover()
    await page.root.locator('.note-box').getByText('rate(matrix) → vector').waitFor()
    await page.root.mouse.move(0, 0)
    await page.root.locator('.tok-metric').hover()
    await page.root.locator('.note-box').getByText('node_cpu_seconds_total: counter').waitFor()
  })
  await check('colours what only newer PromQL has', 'q={"ü.x", job="a"} @ end() > bool on (job) y', async (page) => {
    for (const [kind, text] of [
      ['string', '"ü.x"'],
      ['label', 'job'],
      ['keyword', 'bool'],
      ['metric', 'y'],
    ] as const) {
      await page.root.locator(`.tok-${kind}`).getByText(text, { exact: true }).first().waitFor()
    }
  })
  await check('formats a query, and says when it cannot', '', async (page) => {
    const button = page.root.getByRole('button', { name: 'Format the query' })
    const sum = 'sum by (mode,cpu) (rate(node_cpu_seconds_total{mode!="idle"}[5m]))'
    await page.run(`${sum}/${sum}`)
    await button.click()
    await page.until(
      async () => (await page.query()).includes('\n'),
      async () => `the query is ${await page.query()}`,
    )
    await page.run('sum(')
    await button.click()
    await page.root.getByText('cannot be formatted').waitFor()
    await page.queryIs('sum(')
  })
}
