import { extrapolateWindows, extrapolateWindowsPlain, windowBounds, windowBoundsPlain, type WindowGrid } from '@tsink/kernel'
import fc from 'fast-check'
import { expect, test } from 'vitest'

interface Series {
  readonly timestamps: Float64Array
  readonly values: Float64Array
}

const series: fc.Arbitrary<Series> = fc
  .record({
    steps: fc.array(
      fc.oneof({ weight: 6, arbitrary: fc.constantFrom(15_000, 15_000, 15_001, 14_999) }, fc.integer({ min: 1, max: 400_000 })),
      { maxLength: 300 },
    ),
    values: fc.array(fc.oneof({ weight: 5, arbitrary: fc.nat(1_000) }, fc.constantFrom(0, -0, NaN, Infinity, -5, 0.1), fc.double()), {
      minLength: 1,
      maxLength: 50,
    }),
    counts: fc.boolean(),
    start: fc.integer({ min: -1_000_000, max: 1_000_000 }),
  })
  .map(({ steps, values, counts, start }) => {
    const timestamps = new Float64Array(steps.length + 1)
    const column = new Float64Array(steps.length + 1)
    let time = start
    let value = 0
    for (let i = 0; i <= steps.length; i++) {
      timestamps[i] = time
      value = counts ? value + values[i % values.length]! : values[i % values.length]!
      if (counts && i % 37 === 36) value = 3
      column[i] = value
      time += steps[i] ?? 0
    }
    return { timestamps, values: column }
  })

const grid: fc.Arbitrary<WindowGrid> = fc.record({
  steps: fc.integer({ min: 1, max: 200 }),
  endMs: fc.integer({ min: -1_000_000, max: 2_000_000 }),
  stepMs: fc.oneof(fc.constantFrom(0, 15_000, 60_000), fc.integer({ min: 1, max: 100_000 })),
  rangeMs: fc.oneof(fc.constantFrom(300_000, 60_000), fc.integer({ min: 1, max: 1_000_000 })),
})

test('kernel and twin agree to the last bit on bounds, rate, increase and delta', () => {
  const check = ({ timestamps, values }: Series, shape: WindowGrid): void => {
    const count = timestamps.length
    const bounds = [
      new Int32Array(shape.steps),
      new Int32Array(shape.steps),
      new Int32Array(shape.steps),
      new Int32Array(shape.steps),
    ] as const
    windowBounds(timestamps, count, shape, bounds[0], bounds[1])
    windowBoundsPlain(timestamps, count, shape, bounds[2], bounds[3])
    expect(bounds[0]).toEqual(bounds[2])
    expect(bounds[1]).toEqual(bounds[3])
    for (const [counter, perSecond] of [
      [true, true],
      [true, false],
      [false, false],
    ] as const) {
      const kinds = [new Uint8Array(shape.steps), new Uint8Array(shape.steps)] as const
      const results = [new Float64Array(shape.steps), new Float64Array(shape.steps)] as const
      extrapolateWindows(timestamps, values, count, shape, bounds[0], bounds[1], counter, perSecond, kinds[0], results[0])
      extrapolateWindowsPlain(timestamps, values, count, shape, bounds[2], bounds[3], counter, perSecond, kinds[1], results[1])
      expect(kinds[0]).toEqual(kinds[1])
      // As numbers that may be NaN: which NaN an operation makes is the processor's choice.
      expect(results[0]).toEqual(results[1])
    }
  }
  fc.assert(fc.property(series, grid, check), { numRuns: 500 })
})

test('the samples of one series are never taken for those of another', () => {
  const shape = { steps: 20, endMs: 0, stepMs: 10_000, rangeMs: 60_000 }
  const low = new Int32Array(20)
  const high = new Int32Array(20)
  const make = (step: number): Series => ({
    timestamps: Float64Array.from({ length: 30 }, (_, i) => i * 10_000),
    values: Float64Array.from({ length: 30 }, (_, i) => i * step),
  })
  const first = make(1)
  const second = make(5)
  windowBounds(first.timestamps, 30, shape, low, high)
  const kinds = new Uint8Array(20)
  const results = new Float64Array(20)
  // The bounds are right, but the loaded times are those of the first: the twin serves.
  extrapolateWindows(second.timestamps, second.values, 30, shape, low, high, true, true, kinds, results)
  expect(results[19]).toBeCloseTo(5 / 10, 12)
})
