import {
  extrapolateWindows,
  extrapolateWindowsPlain,
  firstNaN,
  firstNaNPlain,
  fitWindows,
  fitWindowsPlain,
  newestInWindows,
  newestInWindowsPlain,
  sumWindows,
  sumWindowsPlain,
  windowBounds,
  windowBoundsPlain,
  windowColumns,
  type WindowGrid,
} from '@tsink/kernel'
import { STALE } from '@tsink/core'
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

/** The samples where the kernel has them at once, or in arrays of their own. */
function placed({ timestamps, values }: Series, inKernel: boolean): Series {
  const columns = inKernel ? windowColumns(timestamps.length) : null
  if (columns === null) return { timestamps, values }
  columns.timestamps.set(timestamps)
  columns.values.set(values)
  return columns
}

for (const inKernel of [false, true]) {
  test(`kernel and twin agree to the last bit on samples ${inKernel ? 'in its memory' : 'in arrays of their own'}`, () => {
    const check = (series: Series, shape: WindowGrid): void => {
      const count = series.timestamps.length
      const { steps, endMs, stepMs } = shape
      const [low, high, lowPlain, highPlain] = [0, 1, 2, 3].map(() => new Int32Array(steps)) as [
        Int32Array,
        Int32Array,
        Int32Array,
        Int32Array,
      ]
      const { timestamps, values } = placed(series, inKernel)
      windowBounds(timestamps, count, shape, low, high)
      windowBoundsPlain(series.timestamps, count, shape, lowPlain, highPlain)
      expect(low).toEqual(lowPlain)
      expect(high).toEqual(highPlain)
      // As numbers that may be NaN: which NaN an operation makes is the processor's choice.
      const same = (
        run: (kinds: Uint8Array, results: Float64Array, second: Float64Array) => void,
        twin: (kinds: Uint8Array, results: Float64Array, second: Float64Array) => void,
      ): void => {
        const [one, other] = [0, 1].map(() => [new Uint8Array(steps), new Float64Array(steps), new Float64Array(steps)] as const)
        run(...one!)
        twin(...other!)
        expect(one).toEqual(other)
      }
      for (const [counter, perSecond] of [
        [true, true],
        [true, false],
        [false, false],
      ] as const) {
        same(
          (kinds, results) => extrapolateWindows(timestamps, values, count, shape, low, high, counter, perSecond, kinds, results),
          (kinds, results) =>
            extrapolateWindowsPlain(series.timestamps, series.values, count, shape, low, high, counter, perSecond, kinds, results),
        )
      }
      for (const [from, to] of [
        [0, steps],
        [steps >> 2, steps >> 1],
      ] as const) {
        for (const mean of [false, true]) {
          same(
            (kinds, results) => sumWindows(timestamps, values, count, low, high, from, to, mean, kinds, results),
            (kinds, results) => sumWindowsPlain(series.values, low, high, from, to, mean, kinds, results),
          )
        }
        same(
          (kinds, results) => fitWindows(timestamps, values, count, low, high, from, to, 0, 0, kinds, results, null),
          (kinds, results) => fitWindowsPlain(series.timestamps, series.values, low, high, from, to, 0, 0, kinds, results, null),
        )
        same(
          (...out) => fitWindows(timestamps, values, count, low, high, from, to, endMs + 7, stepMs, ...out),
          (...out) => fitWindowsPlain(series.timestamps, series.values, low, high, from, to, endMs + 7, stepMs, ...out),
        )
      }
      same(
        (kinds, results, second) => (second[0] = newestInWindows(timestamps, values, count, shape, kinds, results)),
        (kinds, results, second) => (second[0] = newestInWindowsPlain(series.timestamps, series.values, count, shape, kinds, results)),
      )
      for (const from of [0, 1, count >> 1]) expect(firstNaN(values, from, count)).toBe(firstNaNPlain(series.values, from, count))
    }
    fc.assert(fc.property(series, grid, check), { numRuns: 500 })
  })
}

test('a stale marker ends a series, another NaN does not', () => {
  for (const inKernel of [false, true]) {
    const series = placed(
      { timestamps: Float64Array.from({ length: 40 }, (_, i) => i * 10), values: Float64Array.from({ length: 40 }, (_, i) => i) },
      inKernel,
    )
    series.values.set(STALE, 20)
    series.values[30] = NaN
    const kinds = new Uint8Array(40)
    const results = new Float64Array(40)
    expect(newestInWindows(series.timestamps, series.values, 40, { steps: 40, endMs: 0, stepMs: 10, rangeMs: 5 }, kinds, results)).toBe(39)
    expect([...kinds.keys()].filter((k) => kinds[k] === 0)).toEqual([20])
    expect(results[30]).toBeNaN()
    expect(results[31]).toBe(31)
  }
})

test('sums that overflow go on as the twin does', () => {
  const columns = placed(
    {
      timestamps: Float64Array.from({ length: 9 }, (_, i) => i),
      values: Float64Array.of(1e308, 1e308, 1e308, -1e308, 3, 1e308, 1e308, Infinity, 2),
    },
    true,
  )
  const low = new Int32Array(8)
  const high = new Int32Array(8)
  windowBounds(columns.timestamps, 9, { steps: 8, endMs: 1, stepMs: 1, rangeMs: 6 }, low, high)
  for (const mean of [false, true]) {
    const [kinds, results, twinKinds, twin] = [new Uint8Array(8), new Float64Array(8), new Uint8Array(8), new Float64Array(8)]
    sumWindows(columns.timestamps, columns.values, 9, low, high, 0, 8, mean, kinds!, results!)
    sumWindowsPlain(columns.values.slice(), low, high, 0, 8, mean, twinKinds!, twin!)
    expect(results).toEqual(twin)
    expect(kinds).toEqual(twinKinds)
    expect(Number.isFinite(results[2])).toBe(mean)
  }
})

test('bounds and rates are those of the series and the steps at hand, whatever came before', () => {
  const times = (count: number, at: number): Float64Array =>
    Float64Array.from({ length: count }, (_, i) => i * 15_000 + (i === at ? 7_000 : 0))
  // The last one is too long for the kernel.
  const all = [times(300, -1), times(300, 80), times(300, 299), times(299, -1), times(131_100, -1)]
  const shapes = [
    { steps: 40, endMs: 300_000, stepMs: 60_000, rangeMs: 300_000 },
    { steps: 40, endMs: 300_000, stepMs: 60_000, rangeMs: 310_000 },
    { steps: 30, endMs: 300_000, stepMs: 60_000, rangeMs: 300_000 },
  ]
  const kept = [0, 1].map(() => [new Int32Array(40), new Int32Array(40)] as const)
  const check = (calls: readonly (readonly [number, number, number, boolean, boolean])[]): void => {
    for (const [series, shape, into, counter, perSecond] of calls) {
      const timestamps = all[series]!
      const { steps } = shapes[shape]!
      const [low, high] = kept[into]!
      const want = [new Int32Array(steps), new Int32Array(steps)] as const
      windowBounds(timestamps, timestamps.length, shapes[shape]!, low, high)
      windowBoundsPlain(timestamps, timestamps.length, shapes[shape]!, ...want)
      expect([low.slice(0, steps), high.slice(0, steps)]).toEqual(want)
      const values = timestamps.map((time, i) => (time % (1_000 * (into + 7))) + i)
      const [rates, plain] = [0, 1].map(() => [new Uint8Array(steps), new Float64Array(steps)] as const)
      const count = timestamps.length
      extrapolateWindows(timestamps, values, count, shapes[shape]!, low, high, counter, perSecond, ...rates!)
      extrapolateWindowsPlain(timestamps, values, count, shapes[shape]!, ...want, counter, perSecond, ...plain!)
      expect(rates).toEqual(plain)
      if (into === 1) newestInWindows(timestamps, timestamps, timestamps.length, shapes[shape]!, new Uint8Array(40), new Float64Array(40))
    }
  }
  const call = fc.tuple(fc.nat(4), fc.nat(2), fc.nat(1), fc.boolean(), fc.boolean())
  fc.assert(fc.property(fc.array(call, { minLength: 2, maxLength: 12 }), check), { numRuns: 200 })
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
