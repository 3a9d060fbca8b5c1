import { ModelStore } from '@tsink/testing'
import { describe, expect, it } from 'vitest'
import { Dice, difference, generateData, generateQuery, readAll } from '@tsink/promqltest'

const LONG = process.env['TSINK_TEST_LONG'] === '1'
const SEED = Number(process.env['TSINK_SEED'] ?? 1)
const QUERIES = LONG ? 20_000 : 400
/** New data for each so many queries. */
const QUERIES_PER_STORE = 100

describe('the columnar evaluator and the naive one', () => {
  it(
    `agree on ${QUERIES} generated queries (seed ${SEED}, TSINK_SEED changes it)`,
    async () => {
      const dice = new Dice(SEED)
      for (let done = 0; done < QUERIES; done += QUERIES_PER_STORE) {
        const store = new ModelStore()
        const { batch, startMs, endMs } = generateData(dice)
        await store.append(batch)
        const data = await readAll(store)
        for (let i = 0; i < QUERIES_PER_STORE; i++) {
          const query = generateQuery(dice)
          const stepMs = dice.pick([15_000, 60_000, 37_000])
          const start = startMs + dice.below(endMs - startMs)
          const range = { startMs: start, endMs: start + stepMs * dice.below(12), stepMs }
          expect(await difference(query, range, store, data), `${query}\n  at ${JSON.stringify(range)}`).toBeNull()
        }
      }
    },
    LONG ? 3_600_000 : 60_000,
  )
})
