/** A batch in pieces holds what the batch holds, and rejections find their places in the whole. */
import { expect, test } from 'vitest'
import { BatchBuilder, decodeLabels, Labels, splitBatch, type WriteBatch } from '@tsink/core'

function batchOf(series: number): WriteBatch {
  const builder = new BatchBuilder()
  for (let i = 0; i < series; i++) {
    const slot = builder.slot(Labels.of({ __name__: 'x', i: `${i}` }))
    builder.float(slot, i, i / 2)
    if (i % 3 === 0) builder.add('f64', slot, i + 1, NaN, 7)
    if (i % 4 === 0) builder.add('string', builder.slot(Labels.of({ __name__: 's', i: `${i}` })), i, `text ${i}`)
    if (i % 5 === 0) builder.exemplar({ slot, labels: Labels.of({ a: 'b' }), timestamp: 1, value: 2 })
  }
  builder.metadata({ metric: 'x', type: 'gauge', help: '', unit: '' })
  return builder.build()
}

function print(batch: WriteBatch): string[] {
  return batch.samples.flatMap((column) =>
    Array.from({ length: column.count }, (_, i) => {
      const labels = decodeLabels(batch.series.labelBytes(column.slots[i]!))
      return `${column.kind} ${labels.toString()} ${column.timestamps[i]} ${JSON.stringify(column.values[i])} ${column.startTimestamps?.[i] ?? 0}`
    }),
  )
}

test.each([
  [1, 1],
  [40, 1],
  [40, 7],
  [100, 64],
])('%i series in pieces of %i samples', (series, size) => {
  const whole = batchOf(series)
  const pieces = splitBatch(whole, size)
  expect(pieces.flatMap(({ batch }) => print(batch))).toEqual(print(whole))
  if (pieces.length > 1) {
    for (const { batch } of pieces) expect(batch.samples.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(size)
  }
  expect(pieces.flatMap(({ batch }) => batch.exemplars ?? [])).toEqual(whole.exemplars)
  expect(pieces.flatMap(({ batch }) => batch.metadata ?? [])).toEqual(whole.metadata)
  for (const { batch, inWhole } of pieces) {
    for (const [column, { count, timestamps, kind }] of batch.samples.entries()) {
      for (let index = 0; index < count; index++) {
        const place = inWhole({ column, index, slot: 0, reason: 'limit', message: '' })
        const { samples } = whole
        expect([samples[place.column]!.kind, samples[place.column]!.timestamps[place.index]]).toEqual([kind, timestamps[index]])
      }
    }
  }
})

test('series that the store knows make no pieces', () => {
  const batch = batchOf(50)
  batch.series.refs.fill(9)
  expect(splitBatch(batch, 10)).toHaveLength(1)
})
