/** Several queries, their history, the address and the back button, and all of it without a mouse. */
import type { Check } from './page-under-test.ts'

export async function checkPanels(check: Check): Promise<void> {
  await check('holds several queries, in the address too', 'q=up&tab=table', async (page) => {
    const { root } = page
    await root.getByRole('button', { name: 'Add a query' }).click()
    await root.locator('.cm-content').nth(1).waitFor()
    await page.run('count(up)', 1)
    await root.getByRole('region', { name: 'Query 2' }).locator('.table').waitFor()
    const queries = new URLSearchParams(new URL(root.url()).hash.slice(1)).getAll('q')
    if (queries.join(' | ') !== 'up | count(up)') throw new Error(`the address has ${queries.join(' | ')}`)
    await root.reload()
    await page.queryIs('count(up)', 1)
    await root.getByRole('region', { name: 'Query 1' }).getByRole('button', { name: 'Remove this query' }).click()
    await page.queryIs('count(up)')
    await root.goBack()
    await page.queryIs('up')
    await page.queryIs('count(up)', 1)
  })
  await check('keeps a history of queries', 'q=up&tab=table', async (page) => {
    const { root } = page
    await page.run('count(up)')
    await root.locator('.table').waitFor()
    await root.getByRole('button', { name: 'Queries you ran before' }).click()
    await root.getByRole('dialog', { name: 'Query history' }).getByRole('button', { name: 'up', exact: true }).click()
    await page.queryIs('up')
    await root.reload()
    await root.getByRole('button', { name: 'Queries you ran before' }).click()
    await root.getByRole('dialog').getByRole('button', { name: 'count(up)' }).waitFor()
    await root.keyboard.press('Escape')
    if ((await root.getByRole('dialog').count()) > 0) throw new Error('Escape does not close the history')
  })
  await check('shows how the server stands, and comes back to what was typed', 'q=up', async (page) => {
    const { root } = page
    await page.type('count(up)')
    const button = root.getByRole('button', { name: 'Status' })
    await button.click()
    const series = root
      .getByRole('region', { name: 'Server' })
      .locator('dt', { hasText: /^Series$/ })
      .locator('+ dd')
    await page.until(
      async () => /[1-9]/.test((await series.textContent()) ?? ''),
      () => 'the number of series is missing',
    )
    await root.getByRole('region', { name: 'Where the series come from' }).getByRole('button').first().click()
    await root.getByRole('complementary').getByRole('heading', { level: 2 }).waitFor()
    await button.click()
    await page.queryIs('count(up)')
  })
  await check('works without a mouse', '', async (page) => {
    const { keyboard } = page.root
    // The query has the focus at once.
    await keyboard.type('count(up)')
    await keyboard.press('Escape')
    await keyboard.press('Enter')
    await page.drawn()
    for (const name of ['Queries you ran before', 'Format the query', 'Run', 'Graph']) {
      await keyboard.press('Tab')
      const focused = await page.root.evaluate(
        () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent,
      )
      if (focused !== name) throw new Error(`Tab leads to ${focused}, not to ${name}`)
    }
    await keyboard.press('ArrowRight')
    await page.root.locator('.table').waitFor()
    await keyboard.press('ArrowRight')
    await page.root.locator('.explain').waitFor()
  })
}
