import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareStrings, encodeLabels, Labels, Matcher, type MatchType } from '@tsink/core'
import { Registry } from '@tsink/registry'

/** Many more runs with TSINK_TEST_LONG=1. A failure prints its seed. */
const LONG = process.env['TSINK_TEST_LONG'] === '1'

/** The plain twin: a map from id to labels. */
class NaiveRegistry {
  readonly series = new Map<number, Labels>()
  #last = 0

  add(labels: Labels): number {
    const known = this.resolve(labels)
    if (known !== 0) return known
    this.series.set(++this.#last, labels)
    return this.#last
  }

  resolve(labels: Labels): number {
    for (const [id, other] of this.series) if (other.equals(labels)) return id
    return 0
  }

  select(matchers: readonly Matcher[]): number[] {
    return [...this.series].filter(([, labels]) => matchers.every((m) => m.matches(labels.get(m.name)))).map(([id]) => id)
  }

  names(ids: Iterable<number> = this.series.keys()): string[] {
    return sorted([...ids].flatMap((id) => this.series.get(id)!.names))
  }

  values(name: string, ids: Iterable<number> = this.series.keys()): string[] {
    return sorted([...ids].map((id) => this.series.get(id)!.get(name)).filter((value) => value !== ''))
  }
}

const name = fc.constantFrom('__name__', 'a', 'b', 'c', 'd', 'é', 'ee', 'a\u{1f600}')
const value = fc.oneof(
  fc.constantFrom('x', 'y', 'xy', 'z1', 'z2', '\u{1f600}', 'ü', 'x'.repeat(130)),
  fc.string({ unit: 'grapheme', maxLength: 4 }),
)
const labels = fc.dictionary(name, value, { maxKeys: 5 }).map((record) => Labels.of(record))
const matcher = fc
  .tuple(
    fc.constantFrom<MatchType>('=', '!=', '=~', '!~'),
    name,
    fc.constantFrom('', 'x', 'y', 'x|y', 'z.*', 'z[12]', '.+', '.*', '.*y', 'x+'),
  )
  .map(([type, of, text]) => new Matcher(type, of, text))

const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), labels }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), picks: fc.array(fc.nat(60), { maxLength: 12 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('select' as const), matchers: fc.array(matcher, { maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('resolve' as const), labels }) },
)

describe('a registry behaves as a map of labels', () => {
  test('under generated commands', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), fc.integer(), (commands, seed) => {
        const registry = new Registry({ seed })
        const naive = new NaiveRegistry()
        for (const step of commands) {
          switch (step.do) {
            case 'add':
              expect(registry.add(encodeLabels(step.labels))).toBe(naive.add(step.labels))
              break
            case 'resolve':
              expect(registry.resolve(encodeLabels(step.labels))).toBe(naive.resolve(step.labels))
              break
            case 'remove':
              registry.remove(Uint32Array.from(step.picks))
              for (const id of step.picks) naive.series.delete(id)
              break
            case 'select': {
              const ids = registry.select(step.matchers)
              expect(Array.from(ids)).toEqual(naive.select(step.matchers))
              expect(registry.labelNames(ids)).toEqual(naive.names(ids))
              for (const of of ['a', 'b', 'é']) expect(registry.labelValues(of, ids)).toEqual(naive.values(of, ids))
              break
            }
          }
          expect(registry.size).toBe(naive.series.size)
        }
        for (const [id, of] of naive.series) {
          expect(registry.labels(id).equals(of)).toBe(true)
          expect(Array.from(registry.labelBytes(id))).toEqual(Array.from(encodeLabels(of)))
          expect(registry.resolve(encodeLabels(of))).toBe(id)
        }
        const ids = [...naive.series.keys()]
        const inOrder = ids.map((id) => Array.from(registry.labelBytes(id))).sort(compareLists)
        expect(ids.toSorted((a, b) => registry.compare(a, b)).map((id) => Array.from(registry.labelBytes(id)))).toEqual(inOrder)
        expect(registry.labelNames()).toEqual(naive.names())
        for (const of of naive.names()) expect(registry.labelValues(of)).toEqual(naive.values(of))
        expect(Array.from(registry.select([]))).toEqual([...naive.series.keys()])
      }),
      { numRuns: LONG ? 10_000 : 500 },
    )
  })
})

describe('at a size where every structure changes its shape', () => {
  test('churn over many rounds keeps the answers right and gives memory back', () => {
    const registry = new Registry({ seed: 1 })
    const series = new Map<number, Labels>()
    let next = 0
    const make = (): Labels => {
      const n = next++
      return Labels.of({
        __name__: `metric_${n % 50}`,
        env: n % 3 === 0 ? 'dev' : 'prod',
        instance: `host-${Math.floor(n / 200)}`,
        kind: n % 40 === 0 ? 'rare' : 'common',
        // Many short lists of ids: those that are moved together when most of them have left.
        part: `part-${n % 2 === 0 ? Math.floor(n / 9) : n % 5_000}`,
        pod: `pod-${n}-${'abcdefghij'.repeat(n % 4)}`,
      })
    }
    const used: number[] = []
    for (let round = 0; round < 8; round++) {
      for (let i = 0; i < 12_000; i++) {
        const of = make()
        series.set(registry.add(encodeLabels(of)), of)
      }
      // The older half leaves, with some of the younger; a few old ones stay for ever.
      const gone = [...series.keys()].filter((id, i) => (i < series.size / 2 || i % 7 === 0) && id % 997 !== 0)
      // Some at a time, with new ones in between: giving memory back is under way while both go on.
      for (let from = 0; from < gone.length; from += 700) {
        const some = gone.slice(from, from + 700)
        registry.remove(Uint32Array.from(some))
        for (const id of some) series.delete(id)
        const of = make()
        series.set(registry.add(encodeLabels(of)), of)
      }
      used.push(registry.bytesUsed)
      expect(registry.size).toBe(series.size)
      for (const [matchers, test] of CASES) {
        const want = [...series].filter(([, of]) => test(of)).map(([id]) => id)
        expect(Array.from(registry.select(matchers)), matchers.join()).toEqual(want)
      }
      for (const [id, of] of series) if (id % 13 === 0) expect(registry.labels(id).equals(of)).toBe(true)
      expect(registry.labelValues('instance')).toEqual(sorted([...series.values()].map((of) => of.get('instance'))))
    }
    // Eight rounds have made eight times as many series as the first, and hold about as many.
    expect(used.at(-1)!).toBeLessThan(used[1]! * 1.3)
    for (const [id, of] of series) {
      expect(registry.resolve(encodeLabels(of))).toBe(id)
      expect(registry.labels(id).equals(of)).toBe(true)
    }
    registry.remove(Uint32Array.from(series.keys()))
    expect(registry.size).toBe(0)
    expect(registry.labelNames()).toEqual([])
    expect(registry.select([]).length).toBe(0)
    expect(registry.bytesUsed).toBeLessThan(used.at(-1)! * 0.75)
    const last = registry.lastId
    expect(registry.add(encodeLabels(Labels.of({ a: 'again' })))).toBe(last + 1)
  })
})

const CASES: readonly [Matcher[], (labels: Labels) => boolean][] = [
  [[], () => true],
  [[new Matcher('=', 'env', 'prod')], (of) => of.get('env') === 'prod'],
  [[new Matcher('=', 'env', 'prod'), new Matcher('=', 'kind', 'rare')], (of) => of.get('env') === 'prod' && of.get('kind') === 'rare'],
  [
    [new Matcher('!=', 'env', 'prod'), new Matcher('=~', '__name__', 'metric_1.*')],
    (of) => of.get('env') !== 'prod' && of.metric.startsWith('metric_1'),
  ],
  [[new Matcher('=~', 'pod', 'pod-[0-9]*7-.*')], (of) => /^pod-[0-9]*7-/.test(of.get('pod'))],
  [[new Matcher('!~', 'pod', '.*a.*'), new Matcher('=', 'none', '')], (of) => !of.get('pod').includes('a')],
]

function sorted(texts: Iterable<string>): string[] {
  return [...new Set(texts)].toSorted(compareStrings)
}

/** The order of byte strings, spelled out. */
function compareLists(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((byte, i) => byte !== b[i])
  return at < 0 || at >= b.length ? a.length - b.length : a[at]! - b[at]!
}
