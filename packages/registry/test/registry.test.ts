import { describe, expect, test } from 'vitest'
import { encodeLabels, Labels, LIMITS, Matcher } from '@tsink/core'
import { Registry } from '@tsink/registry'

describe('a registry', () => {
  test('gives ids from 1 on, the same for the same labels', () => {
    const registry = new Registry()
    const a = encodeLabels(Labels.of({ __name__: 'up', job: 'a' }))
    const b = encodeLabels(Labels.of({ __name__: 'up', job: 'b' }))
    expect([registry.add(a), registry.add(b), registry.add(a)]).toEqual([1, 2, 1])
    expect(registry.resolve(b)).toBe(2)
    expect(registry.resolve(encodeLabels(Labels.of({ __name__: 'up' })))).toBe(0)
    expect(registry.resolve(encodeLabels(Labels.of({ __name__: 'up', job: 'a', zone: 'z' })))).toBe(0)
  })

  test('never gives an id twice, not even for the same labels', () => {
    const registry = new Registry()
    const a = encodeLabels(Labels.of({ job: 'a' }))
    expect(registry.add(a)).toBe(1)
    registry.remove(Uint32Array.of(1))
    expect(registry.has(1)).toBe(false)
    expect(registry.resolve(a)).toBe(0)
    expect(registry.add(a)).toBe(2)
    expect(registry.has(2)).toBe(true)
  })

  test('takes the empty label set and the longest labels', () => {
    const registry = new Registry()
    const long = Labels.from([
      ['__name__', 'm'.repeat(LIMITS.metricNameBytes)],
      ['n'.repeat(LIMITS.labelNameBytes), 'v'.repeat(LIMITS.labelValueBytes)],
    ])
    const many = Labels.from(Array.from({ length: LIMITS.labelsPerSeries }, (_, i) => [`l${i}`, `${i}`] as const))
    for (const labels of [Labels.EMPTY, long, many]) {
      const id = registry.add(encodeLabels(labels))
      expect(registry.labels(id).equals(labels)).toBe(true)
      expect(registry.resolve(encodeLabels(labels))).toBe(id)
    }
    expect(Array.from(registry.select([new Matcher('=', 'l1', '')]))).toEqual([1, 2])
  })

  test('keeps selections apart from later writes and removals', () => {
    const registry = new Registry()
    for (let i = 0; i < 3_000; i++) registry.add(encodeLabels(Labels.of({ job: i % 2 === 0 ? 'even' : 'odd', n: `${i}` })))
    const before = registry.select([new Matcher('=', 'job', 'even')])
    const copy = Array.from(before)
    registry.remove(before.slice(0, 700))
    for (let i = 0; i < 500; i++) registry.add(encodeLabels(Labels.of({ job: 'even', n: `new ${i}` })))
    expect(Array.from(before)).toEqual(copy)
    expect(registry.select([new Matcher('=', 'job', 'even')]).length).toBe(1_500 - 700 + 500)
  })

  test('does not take half a surrogate pair for the replacement character', () => {
    const registry = new Registry()
    registry.add(encodeLabels(Labels.of({ a: '\ufffd' })))
    expect(registry.select([new Matcher('=', 'a', '\ud800')]).length).toBe(0)
    expect(registry.select([new Matcher('=', 'a', '\ufffd')]).length).toBe(1)
  })

  test('is quick with every seed: hashes do not pile up', () => {
    const bytes = Array.from({ length: 20_000 }, (_, i) =>
      encodeLabels(Labels.of({ __name__: `metric_${i % 50}`, host: `host-${i >> 4}`, n: `${i}` })),
    )
    const times = [0, 1, 2, 0x8000_0000, 0xffff_ffff, 123_456_789].map((seed) => {
      const registry = new Registry({ seed })
      const start = performance.now()
      for (const each of bytes) registry.add(each)
      return performance.now() - start
    })
    // A seed whose factors do not mix is ten times as slow; the machine's own unrest is not.
    expect(Math.max(...times.slice(1))).toBeLessThan(Math.min(...times) * 10 + 100)
  })

  test('says how much memory it holds: about what a million bytes of labels take', () => {
    const registry = new Registry()
    const empty = registry.bytesUsed
    for (let i = 0; i < 20_000; i++) registry.add(encodeLabels(Labels.of({ id: `${'x'.repeat(40)}${i}` })))
    expect(registry.bytesUsed - empty).toBeGreaterThan(20_000 * 50)
    expect(registry.bytesUsed - empty).toBeLessThan(20_000 * 180)
  })
})
