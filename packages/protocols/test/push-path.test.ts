import { expect, test } from 'vitest'
import { Labels } from '@tsink/core'
import { decodeOpenMetricsText, decodePrometheusText, pushedGroup, SeriesCache } from '@tsink/protocols'
import { ascii, print } from './lines.ts'

test.each([
  ['/job/a', { job: 'a' }],
  ['/job/a%20b/instance/c', { job: 'a b', instance: 'c' }],
  ['/job@base64/YS9i/path@base64/L3Zhci90bXA', { job: 'a/b', path: '/var/tmp' }],
  ['/job/a/empty@base64/=', { job: 'a' }],
])('%s', (path, want) => {
  expect(pushedGroup(path).toJSON()).toEqual(want)
})

test.each(['/instance/a', '/job', '/job/', '/job/a/b', '/job/a/__name__/x', '/job/a/b/1/b/2', '/job/%zz', '/job@base64/!'])(
  '%s is refused',
  (path) => {
    expect(() => pushedGroup(path)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
  },
)

test('the labels of a group replace those of its series, with a cache as well', () => {
  const extraLabels = Labels.of({ job: 'pushed' })
  const cache = new SeriesCache()
  for (let round = 0; round < 2; round++) {
    expect(print(decodePrometheusText(ascii('a{job="own",x="y"} 1 1\nb 2 2'), { now: 0, cache }).batch)).toEqual([
      'a{job="own", x="y"} 1 @1',
      'b 2 @2',
    ])
    expect(print(decodePrometheusText(ascii('a{job="own",x="y"} 1 1\nb 2 2'), { now: 0, cache, extraLabels }).batch)).toEqual([
      'a{job="pushed", x="y"} 1 @1',
      'b{job="pushed"} 2 @2',
    ])
    expect(print(decodeOpenMetricsText(ascii('a{job="own"} 1 1\n# EOF\n'), { now: 0, cache, extraLabels }).batch)).toEqual([
      'a{job="pushed"} 1 @1000',
    ])
  }
})
