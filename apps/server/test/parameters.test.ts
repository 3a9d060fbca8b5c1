import { describe, expect, test } from 'vitest'
import { Parameters, parseDuration, parseSize, parseTime, printDuration, printSize } from '@tsink/server'

describe('times', () => {
  const check = (text: string, want: number | null): void => expect(parseTime(text), text).toBe(want)

  test('are Unix seconds or RFC 3339', () => {
    check('1705315800', 1_705_315_800_000)
    check('1705315800.5', 1_705_315_800_500)
    check('1.7053158e9', 1_705_315_800_000)
    check('-1.25', -1_250)
    check('1795653461.0005', 1_795_653_461_000)
    check('0.0005', 1)
    check('2024-01-15T10:50:00Z', 1_705_315_800_000)
    check('2024-01-15T11:50:00.123456+01:00', 1_705_315_800_123)
    check('2024-01-15T00:00:00-00:30', Date.UTC(2024, 0, 15, 0, 30))
  })

  test('are refused when they are neither, or do not exist', () => {
    for (const text of [
      '',
      'yesterday',
      '2024-01-15',
      '2024-02-30T00:00:00Z',
      '2024-01-15T24:00:00Z',
      '2024-01-15T10:50:00',
      'NaN',
      'Inf',
      '0x10',
      '1_000',
    ]) {
      check(text, null)
    }
  })

  test('that stand for everything are kept apart from any real one', () => {
    expect(parseTime('-292273086-05-16T16:47:06Z')).toBeLessThan(-8e15)
    expect(parseTime('292277025-08-18T07:12:54.999999999Z')).toBeGreaterThan(8e15)
  })
})

describe('durations and sizes', () => {
  test('are read in descending units', () => {
    const check = (text: string, want: number | null): void => expect(parseDuration(text), text).toBe(want)
    check('5m', 300_000)
    check('1h30m', 5_400_000)
    check('1d12h5s7ms', 129_605_007)
    check('100y', 100 * 365 * 86_400_000)
    check('0', 0)
    check('500ms', 500)
    for (const text of ['', '5', 'm', '5m1h', '1.5h', '-5m', '5 m', '300y']) check(text, null)
  })

  test('are printed as they are read', () => {
    for (const text of ['5m', '1h30m', '14d', '2w', '1y', '7ms', '1d1s'])
      expect(parseDuration(printDuration(parseDuration(text)!)), text).toBe(parseDuration(text))
    expect(printDuration(14 * 86_400_000)).toBe('2w')
    expect(printDuration(5_400_000)).toBe('1h30m')
    for (const text of ['64MiB', '1GiB', '123', '1KiB']) expect(printSize(parseSize(text)!)).toBe(text)
    expect(parseSize('1.5K')).toBe(1_536)
    expect(parseSize('64 mb')).toBe(67_108_864)
    for (const text of ['', 'MiB', '-1', '1X']) expect(parseSize(text)).toBe(null)
  })
})

test('parameters are read as the standard reads them, damaged ones too', () => {
  const texts = [
    'query=up&time=1',
    'match[]=a&match[]=b&&x',
    'query=%7Ba%3D%22%C3%BC%22%7D+1',
    'a=1+2%2B3&a+b=c',
    'a==b=&=c&d=',
    'a=%&b=1',
    'a=%zz&b=%ff&c=%E2%82',
    'a=\u00e4',
    '+=+&%2B=%20',
  ]
  for (const text of texts) {
    const parameters = new Parameters(text, '')
    const standard = new URLSearchParams(text)
    for (const name of standard.keys()) expect(parameters.all(name), `${name} in ${text}`).toEqual(standard.getAll(name))
  }
  expect(new Parameters('a=url', 'a=body&b=%').all('a')).toEqual(['body', 'url'])
})
