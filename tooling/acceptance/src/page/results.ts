/** What a query gives: lines, a heat map, a table, the plan, errors with their place. */
import type { Check, PageUnderTest } from './page-under-test.ts'

const RATE = 'rate(node_cpu_seconds_total[1m])'
const HISTOGRAM = 'page_latency_seconds'

export async function checkResults(check: Check): Promise<void> {
  await check(`draws ${RATE}`, 'range=60', async (page) => {
    await page.run(RATE)
    await page.drawn()
    await page.root.locator('.legend li').first().waitFor()
  })
  await check('draws a native histogram as a heat map, and lists its buckets', `q=${HISTOGRAM}&range=600`, async (page) => {
    await page.drawn()
    await page.root.getByRole('img', { name: /Heat map/ }).waitFor()
    await page.root.getByRole('tab', { name: 'Table' }).click()
    await page.root.locator('details.histogram summary').click()
    await page.root.locator('.bucket').first().waitFor()
  })
  await check('shows an error as the server said it, and where', '', async (page) => {
    await page.run('sum(up{job="node"} foo)')
    const error = page.root.getByRole('alert')
    await error.getByText('unexpected identifier "foo"').waitFor()
    if ((await error.locator('mark').textContent()) !== 'foo') throw new Error(`${await error.locator('mark').textContent()} is underlined`)
  })
  await check('shows warnings beside the result', `q=histogram_quantile(2, ${HISTOGRAM})&tab=table`, async (page) => {
    await page.root.locator('.warning').getByText('quantile value should be between 0 and 1').waitFor()
    if ((await page.root.locator('.warning mark').textContent()) !== '2') throw new Error('the number is not underlined')
  })
  await check('shows a string, and says of a graph of it what to do', 'q="some text"', async (page) => {
    await page.root.getByRole('button', { name: 'Show it as a table' }).click()
    await page.root.locator('.single code').getByText('"some text"').waitFor()
  })
  await check('ends a query that takes long, in the server too', '', async (page) => {
    // A median of a hundred and seventy thousand numbers, ten thousand times.
    await page.run('quantile_over_time(0.5, vector(time())[2d:1s])')
    await page.root.getByRole('button', { name: '1w', exact: true }).click()
    await page.root.getByRole('textbox', { name: 'Step' }).fill('1m')
    await page.root.keyboard.press('Enter')
    await page.root.getByText('Running for').waitFor()
    await page.root.getByRole('button', { name: 'Stop' }).click()
    await page.root.getByText('Running for').waitFor({ state: 'detached' })
    await page.until(
      async () => (await runningQueries(page)) === 0,
      () => 'the server goes on',
    )
  })
  await check(
    'explains a query by its plan, and measures each operator',
    `q=sum by (mode) (${RATE})&tab=explain&range=60`,
    async (page) => {
      const rows = page.root.locator('.explain tbody tr')
      await rows.nth(0).getByText('aggregate').waitFor()
      await rows.nth(1).getByText('{__name__="node_cpu_seconds_total"}[1m]').waitFor()
      await rows.nth(1).locator('.ms').waitFor()
      for (const name of ['series', 'samples', 'read']) {
        const text = (await rows.nth(1).locator(`td[data-label=${name}]`).textContent()) ?? ''
        if (!(Number(text.replaceAll(',', '')) > 0)) throw new Error(`the operator has ${name} ${text}`)
      }
    },
  )
}

/** Queries that the server is working on. */
async function runningQueries(page: PageUnderTest): Promise<number> {
  return page.root.evaluate(async () => {
    const { data } = (await (await fetch('api/v1/status/active_queries')).json()) as { data: unknown[] }
    return data.length
  })
}

/** Sends a native histogram, as OTLP calls it an exponential one, with a sample a minute. */
export async function sendHistogram(url: string): Promise<void> {
  const now = Date.now()
  const point = (minute: number): unknown => ({
    timeUnixNano: `${now - minute * 60_000}000000`,
    startTimeUnixNano: `${now - 3_600_000}000000`,
    count: '60',
    sum: 30,
    scale: 1,
    zeroCount: '0',
    positive: { offset: -4, bucketCounts: ['5', '10', '20', '15', '10'] },
  })
  const metric = {
    name: HISTOGRAM,
    exponentialHistogram: { aggregationTemporality: 2, dataPoints: [5, 4, 3, 2, 1, 0].map(point) },
  }
  const response = await fetch(`${url}/v1/metrics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceMetrics: [{ resource: {}, scopeMetrics: [{ scope: {}, metrics: [metric] }] }] }),
  })
  if (!response.ok) throw new Error(`the histogram was answered with ${response.status}: ${await response.text()}`)
}
