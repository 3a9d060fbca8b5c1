/**
 * Wrong use is a compile error. `tsc -p tsconfig.check.json` holds this: an `@ts-expect-error` whose line compiles is an error itself. The test
 * only sees to it that the file is part of the check, and that the right uses beside the wrong ones run.
 */
import { expect, test } from 'vitest'
import { open, type Columns, type Database, type Row } from 'tsink'

export async function wrongUses(ms: Database, ns: Database<'ns'>): Promise<void> {
  // @ts-expect-error a nanosecond database takes bigints
  await ns.insertRows([{ metric: 'm', timestamp: 5, value: 1 }])
  // @ts-expect-error every other takes numbers
  await ms.insertRows([{ metric: 'm', timestamp: 5n, value: 1 }])
  // @ts-expect-error a row has a metric
  await ms.insertRows([{ timestamp: 5, value: 1 }])
  // @ts-expect-error label values are strings
  await ms.insertRows([{ metric: 'm', labels: { a: 5 }, timestamp: 5, value: 1 }])
  // @ts-expect-error null is no value
  await ms.insertRows([{ metric: 'm', timestamp: 5, value: null }])
  // @ts-expect-error the values of i64 are bigints
  await ms.insertColumns({ metric: 'm', kind: 'i64', timestamps: [1], values: [1] })
  // @ts-expect-error columns without a kind are floats
  await ms.insertColumns({ metric: 'm', timestamps: [1], values: ['x'] })
  // @ts-expect-error there is no such kind
  await ms.insertColumns({ metric: 'm', kind: 'f32', timestamps: [1], values: [1] })
  // @ts-expect-error a nanosecond database takes columns of bigints
  await ns.insertColumns({ metric: 'm', timestamps: Float64Array.of(1), values: [1] })
  // @ts-expect-error a handle of strings takes strings
  ms.series('m', {}, 'string').append(5, 1)
  // @ts-expect-error a handle is of floats unless it says otherwise
  ms.series('m').append(5, 'x')
  // @ts-expect-error and its times are those of the database
  ns.series('m').append(5, 1)
  // @ts-expect-error a range of a nanosecond database is of bigints
  await ns.select('m', { start: 5 })
  // @ts-expect-error there is no such aggregate
  await ms.select('m', { aggregate: 'mean' })
  // @ts-expect-error a range query has a step
  await ms.queryRange('m', { start: 0, end: 1 })
  // @ts-expect-error there is no such option
  await open({ precison: 'ns' })
  // @ts-expect-error there is no such precision
  await open({ precision: 'min' })
  // @ts-expect-error the type of a value follows from the kind, which must be looked at first
  const floats: Float64Array = (await ms.selectColumns('m'))[0]!.values
  void floats
}

test('right uses compile and run', async () => {
  await using ns = await open({ precision: 'ns' })
  await using seconds = await open({ precision: 's' })
  // Rows and columns of all precisions that count in numbers are the same types.
  const rows: Row[] = [{ metric: 'm', timestamp: 5, value: 1 }]
  const columns: Columns = { metric: 'm', timestamps: [6], values: [2] }
  await seconds.insertRows(rows)
  await seconds.insertColumns(columns)
  ns.series('i', { a: 'b' }, 'i64').append(5n, 2n)
  const [found] = await seconds.selectColumns('m')
  if (found?.kind === 'f64') expect(found.values satisfies Float64Array).toEqual(Float64Array.of(1, 2))
  const [integers] = await ns.selectColumns('i')
  if (integers?.kind === 'i64') expect(integers.timestamps satisfies BigInt64Array).toEqual(BigInt64Array.of(5n))
  expect(typeof wrongUses).toBe('function')
})
