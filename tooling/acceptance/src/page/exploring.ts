/** The explorer: metrics by parts of their names, their labels and values, each a click from the query. */
import type { Check } from './page-under-test.ts'

export async function checkExploring(check: Check): Promise<void> {
  await check('finds a metric by words, shows what it is made of, and narrows the query by a click', 'q=up&range=60', async (page) => {
    const { root } = page
    await root.getByRole('button', { name: 'Metrics', exact: true }).click()
    const explorer = root.getByRole('complementary', { name: 'Metrics explorer' })
    await root.keyboard.type('cpu seconds')
    const found = explorer.locator('.metrics button').filter({ hasText: 'node_cpu_seconds_total' })
    await found.getByText('counter').waitFor()
    if (!/[1-9]/.test((await found.locator('.series').textContent()) ?? '')) throw new Error('the number of series is missing')
    await found.click()
    await explorer.getByRole('heading', { name: 'node_cpu_seconds_total' }).waitFor()
    await explorer.getByRole('button', { name: 'rate(node_cpu_seconds_total[5m])' }).click()
    await page.queryIs('rate(node_cpu_seconds_total[5m])')
    await explorer.getByRole('region', { name: 'Label mode' }).getByRole('button', { name: 'idle' }).click()
    await page.queryIs('rate(node_cpu_seconds_total{mode="idle"}[5m])')
    const address = decodeURIComponent(root.url().replaceAll('+', ' '))
    for (const part of ['q=rate(node_cpu_seconds_total{mode="idle"}[5m])', 'explore=cpu seconds', 'metric=node_cpu_seconds_total']) {
      if (!address.includes(part)) throw new Error(`${part} is not in ${address}`)
    }
    await root.reload()
    await explorer.getByRole('heading', { name: 'node_cpu_seconds_total' }).waitFor()
    await root.keyboard.press('Escape')
  })
  await check('is walked through with the keyboard', 'q=up&tab=table', async (page) => {
    const { root } = page
    await root.getByRole('button', { name: 'Metrics', exact: true }).focus()
    await root.keyboard.press('Enter')
    await root.keyboard.type('node_cpu_seconds_total')
    const explorer = root.getByRole('complementary', { name: 'Metrics explorer' })
    await explorer.getByText('1 metric', { exact: true }).waitFor()
    await root.keyboard.press('ArrowDown')
    await root.keyboard.press('Enter')
    await explorer.getByRole('heading', { name: 'node_cpu_seconds_total' }).waitFor()
    await root.keyboard.press('Tab')
    await root.keyboard.press('Enter')
    await page.queryIs('rate(node_cpu_seconds_total[5m])')
    if (!(await root.title()).startsWith('rate(')) throw new Error(`the title is ${await root.title()}`)
    await root.keyboard.press('Escape')
    await explorer.waitFor({ state: 'detached' })
  })
  await check('says so when no metric is meant', 'q=up&explore=no such words', async (page) => {
    await page.root.getByText('No metric has all these words').waitFor()
  })
}
