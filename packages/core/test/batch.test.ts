import { assert, AssertionError, BatchBuilder, corruption, decodeLabels, Labels, SeriesTable, TsinkError, isStale } from '@tsink/core'
import { describe, expect, it } from 'vitest'

const up = (job: string): Labels => Labels.of({ __name__: 'up', job })

describe('a series table', () => {
  it('keeps label bytes end to end and grows', () => {
    const table = new SeriesTable(1, 1)
    for (let i = 0; i < 100; i++) expect(table.add(up(`job-${i}`), i + 1)).toBe(i)
    expect(decodeLabels(table.labelBytes(57)).equals(up('job-57'))).toBe(true)
    expect([table.refs[57], table.count]).toEqual([58, 100])
    table.clear()
    expect(table.add(up('x'))).toBe(0)
    expect(decodeLabels(table.labelBytes(0)).get('job')).toBe('x')
  })
})

describe('a batch builder', () => {
  it('makes one column for each kind, with slots shared between them', () => {
    const builder = new BatchBuilder()
    const slot = builder.slot(up('a'))
    expect(builder.slot(up('a'))).toBe(slot)
    builder.float(slot, 1, 0.5)
    builder.stale(slot, 2)
    builder.add('i64', builder.slot(up('b')), 1, -1n)
    builder.add('string', builder.slot(up('c')), 1, 'x')
    expect(builder.count).toBe(4)
    const batch = builder.build()
    expect(batch.samples.map(({ kind, count }) => [kind, count])).toEqual([
      ['f64', 2],
      ['i64', 1],
      ['string', 1],
    ])
    const floats = batch.samples[0]!
    if (floats.kind !== 'f64') throw new Error('floats come first')
    expect(isStale(floats.values, 1)).toBe(true)
    expect(floats.startTimestamps).toBeUndefined()
  })

  it('keeps start timestamps beside the samples that have one', () => {
    const builder = new BatchBuilder()
    const slot = builder.slot(up('a'))
    builder.float(slot, 1, 1)
    builder.add('f64', slot, 2, 2, 1)
    builder.stale(slot, 3)
    expect([...builder.build().samples[0]!.startTimestamps!]).toEqual([0, 1, 0])
  })
})

describe('errors', () => {
  it('carry a code, the kind that follows from it, and facts', () => {
    const error = new TsinkError('LOG_FULL', 'the log is full', { detail: { limit: 5 } })
    expect([error.code, error.kind, error.detail]).toEqual(['LOG_FULL', 'limited', { limit: 5 }])
    expect(corruption('CHECKSUM', 'chunk does not match', { file: 'a', offset: 4 }).message).toBe('chunk does not match (file a, offset 4)')
  })

  it('are not what a bug is', () => {
    expect(() => assert(false, 'the sky is blue')).toThrow(AssertionError)
    expect(() => assert(true, 'the sky is blue')).not.toThrow()
  })
})
