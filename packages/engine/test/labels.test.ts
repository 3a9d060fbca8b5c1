/** Which label bytes are taken: the quick check of plain labels must agree with decoding. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeLabels, encodeLabels, Labels, labelsProblem, SeriesTable } from '@tsink/core'
import { memoryHost } from '@tsink/host/memory'
import { Engine } from '@tsink/engine'

/** Whether a series with these bytes can be stored, by the plainest means. */
function isSound(bytes: Uint8Array): boolean {
  try {
    const labels = decodeLabels(bytes)
    if (labels.size === 0 || labelsProblem(labels) !== null) return false
    const again = encodeLabels(Labels.from(labels))
    return again.length === bytes.length && again.every((byte, i) => byte === bytes[i])
  } catch {
    return false
  }
}

const text = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.constantFrom('', 'a', '__name__', 'é', 'x'.repeat(127), 'x'.repeat(128), 'x'.repeat(257)),
)
const pairs = fc.array(fc.tuple(text, text), { maxLength: 5 })
const bytes = fc.oneof(
  pairs.map((list) =>
    encodeLabels(
      Labels.fromSorted(
        list.map(([name]) => name),
        list.map(([, value]) => value),
      ),
    ),
  ),
  pairs.map((list) => {
    const unique = new Map(list.filter(([name]) => name !== ''))
    return encodeLabels(Labels.from(unique))
  }),
  fc.uint8Array({ maxLength: 20 }),
)

it('takes canonical label bytes and no others', { timeout: 120_000 }, async () => {
  const engine = await Engine.open(memoryHost(), { background: false, sync: 'none' })
  fc.assert(
    fc.property(bytes, (given) => {
      const series = new SeriesTable()
      series.addBytes(given)
      const column = {
        kind: 'f64',
        count: 1,
        slots: new Uint32Array(1),
        base: 0,
        timestamps: Float64Array.of(1),
        values: Float64Array.of(1),
      } as const
      const { accepted, rejections } = engine.appendNow({ series, samples: [column] })
      expect(accepted === 1).toBe(isSound(given))
      if (accepted === 0) expect(rejections[0]!.reason).toBe('bad_label')
    }),
    { numRuns: 3_000 },
  )
  await engine.close()
})
