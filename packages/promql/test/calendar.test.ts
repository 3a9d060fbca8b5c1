/** The calendar functions where JavaScript has no dates. What is wanted was asked of a real Prometheus. */
import { parseExpr, instantQuery } from '@tsink/promql'
import { ModelStore } from '@tsink/testing'
import { expect, test } from 'vitest'

const FUNCTIONS = ['minute', 'hour', 'day_of_week', 'day_of_month', 'day_of_year', 'days_in_month', 'month', 'year']

async function check(seconds: string, want: readonly number[]): Promise<void> {
  const found: number[] = []
  for (const name of FUNCTIONS) {
    const { value } = await instantQuery(parseExpr(`${name}(vector(${seconds}))`), 0, { store: new ModelStore() })
    if (value.type === 'vector') for (const sample of value.samples) found.push(sample.value)
  }
  expect(found, seconds).toEqual(want)
}

test('calendar functions know every time that fits into 64 bits, and one for all that does not', async () => {
  await check('Inf', [30, 15, 0, 4, 339, 31, 12, 292277026596])
  await check('-Inf', [30, 15, 0, 4, 339, 31, 12, 292277026596])
  await check('NaN', [30, 15, 0, 4, 339, 31, 12, 292277026596])
  await check('9.2e18', [33, 11, 5, 31, 244, 31, 8, 291536396232])
  await check('-9.2e18', [26, 12, 2, 3, 123, 31, 5, -291536392293])
  await check('1e15', [46, 1, 0, 5, 187, 31, 7, 31690708])
  await check('-8.7e12', [20, 13, 6, 22, 356, 31, 12, -273723])
  await check('-62135596801', [59, 23, 0, 31, 366, 31, 12, 0])
  await check('-1.5', [59, 23, 3, 31, 365, 31, 12, 1969])
})
