/** Graphite's pickles: what Python itself writes in every protocol, and what must not be taken. */
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { compileGraphiteTemplates, decodeGraphitePickle, SeriesCache, wholePickleFrames } from '@tsink/protocols'
import { ascii, print } from './lines.ts'

const NOW = 1_700_000_000_000

function framed(...pickles: (string | Uint8Array)[]): Uint8Array {
  return Buffer.concat(
    pickles.flatMap((pickle) => {
      const bytes = typeof pickle === 'string' ? Buffer.from(pickle, 'latin1') : pickle
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
}

function decode(...pickles: (string | Uint8Array)[]): { samples: string[]; refused: string } {
  const { batch, rejected } = decodeGraphitePickle(framed(...pickles), { now: NOW })
  return { samples: print(batch), refused: rejected.toString() }
}

describe('by hand', () => {
  test.each([
    ['a list with a mark, protocol 0', "(lp0\n(S'a.b'\np1\n(I5\nF1.5\ntp2\ntp3\na.", 'a_b 1.5 @5000'],
    ['texts with escapes', "((S'a\\'\\x2eb\\\\'\n(L5L\nFnan\ntt(V\\u00fc;k=\\U00000076\n(F-1\nI01\nttl.", 'a__b_ NaN @5000'],
    ['tuples of two, protocol 2', '\x80\x02]U\x03a.bK\x05G\x3f\xf8\x00\x00\x00\x00\x00\x00\x86\x86a.', 'a_b 1.5 @5000'],
    ['numbers as text', "((S'a'\n(S'5'\nS'1.5'\nttl.", 'a 1.5 @5000'],
    ['long integers', '\x80\x02]U\x01a\x8a\x05\x00\x00\x00\x00\x01\x8a\x01\xff\x86\x86a.', 'a -1 @4294967296000'],
  ])('%s', (_, pickle, want) => {
    expect(decode(pickle).samples[0]).toBe(want)
    expect(decode(pickle).refused).toBe('')
  })

  test.each([
    ['os.system', "cos\nsystem\n(S'echo'\ntR.", /GLOBAL is refused/],
    ['a name from the stack, protocol 4', '\x80\x04\x8c\x02os\x8c\x06system\x93.', /STACK_GLOBAL is refused/],
    ['an instance', '(ios\nsystem\n.', /INST is refused/],
    ['a persistent id', 'Pid\n.', /PERSID is refused/],
    ['a dictionary', '}.', /0x7d/],
    ['nothing at all', '', /should follow/],
    ['no stop', ']', /should follow/],
    ['a text that is longer than the pickle', 'X\xff\xff\xff\x7fabc.', /should follow/],
    ['a huge integer', '\x8b\x00\x01\x00\x00.', /at most 32/],
    ['an empty stack', '.', /no object/],
    ['a mark for an object', '(a.', /no object/],
    ['a memo that nobody wrote', 'h\x07.', /number 7/],
    ['a number for a list', 'K\x01K\x02a.', /no list/],
    ['a text where a list should be', "S'x'\n.", /list of points/],
  ])('%s is refused', (_, pickle, problem) => {
    const { samples, refused } = decode(pickle, "((S'good'\n(I5\nI1\nttl.")
    expect(samples).toEqual(['good 1 @5000'])
    expect(refused).toMatch(problem)
    expect(refused).toMatch(/^1 refused: frame 1/)
  })

  test('a bad point costs only itself', () => {
    const point = (path: string, time: string, value: string): string => `(${path}(${time}${value}tt`
    const { samples, refused } = decode(
      `(${point("S'a'\n", 'I5\n', 'I1\n')}${point('I7\n', 'I5\n', 'I1\n')}${point("S''\n", 'I5\n', 'I1\n')}${point("S'b'\n", 'N', 'I1\n')}${point("S'b'\n", 'I5\n', "S'x'\n")}N${point("S'c'\n", 'I-1\n', 'I2\n')}l.`,
    )
    expect(samples).toEqual(['a 1 @5000', `c 2 @${NOW}`])
    expect(refused).toMatch(/^5 refused: frame 1, point 1: the path is no text; frame 1, point 2: the path is empty/)
  })

  test('a list in itself and marks without end come to an end', () => {
    expect(decode(']q\x00h\x00a.').refused).toMatch(/point 0: expected a point/)
    expect(decode(`${'('.repeat(400_000)}.`).refused).toMatch(/wait on the stack/)
    expect(decode(`${']'.repeat(400_000)}.`).refused).toMatch(/wait on the stack/)
  })

  test('frames are told apart', () => {
    const whole = framed('a', 'bc')
    expect(wholePickleFrames(whole)).toBe(11)
    expect(wholePickleFrames(whole.subarray(0, 10))).toBe(5)
    expect(wholePickleFrames(whole.subarray(0, 3))).toBe(0)
    expect(wholePickleFrames(ascii('GET / HTTP/1.1\r\n'))).toBe(-1)
    expect(() => decodeGraphitePickle(whole.subarray(0, 10), { now: NOW })).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
  })

  test('templates hold here too', () => {
    const templates = compileGraphiteTemplates(['servers.* .host.measurement*'])
    const { batch } = decodeGraphitePickle(framed("((S'servers.w.cpu'\n(I5\nI1\nttl."), { now: NOW, templates })
    expect(print(batch)).toEqual(['cpu{host="w"} 1 @5000'])
  })
})

const SCRIPT = `
import pickle, struct, sys
points = [('a.b', (1700000000, 1.5)), ('a.b', [1700000001, 2]), ('tagged;dc=eu', (1700000002.25, -7)), ('big', (1700000003, 2 ** 70)),
          ("quo'te\\\\\\n", (1700000004, float('inf'))), ('gr\\u00fcn', (1700000005, float('nan'))), ('true', (1700000006, True)), ('text', ('1700000007', '8'))]
points += [('many', (1700001000 + i, i)) for i in range(2500)]
for protocol in range(0, 5):
    # What is bytes to Python has an instruction of its own from protocol 3 on; before, it is a call, which carbon refuses as well.
    more = [(b'bytes', (1700000008, 9))] if protocol > 2 else []
    data = pickle.dumps(points + more, protocol=protocol)
    sys.stdout.buffer.write(struct.pack('!L', len(data)) + data)
`
const python = spawnSync('python3', ['-c', SCRIPT], { maxBuffer: 64 * 1_024 * 1_024 })
const skip = python.error === undefined ? '' : ' (skipped, because there is no python3)'

describe.skipIf(skip !== '')(`by Python${skip}`, () => {
  test('every protocol from 0 to 4', () => {
    expect(python.stderr.toString()).toBe('')
    const { batch, rejected } = decodeGraphitePickle(python.stdout, { now: NOW })
    expect(rejected.toString()).toBe('')
    const samples = print(batch)
    const each = [
      'a_b 1.5 @1700000000000',
      'a_b 2 @1700000001000',
      'tagged{dc="eu"} -7 @1700000002250',
      'big 1.1805916207174113e+21 @1700000003000',
      'quo_te__ +Inf @1700000004000',
      'gr_n NaN @1700000005000',
      'true 1 @1700000006000',
      'text 8 @1700000007000',
    ]
    for (const want of each) expect([want, samples.filter((got) => got === want).length]).toEqual([want, 5])
    expect(samples.filter((got) => got === 'bytes 9 @1700000008000')).toHaveLength(2)
    expect(samples.filter((got) => got.startsWith('many '))).toHaveLength(5 * 2_500)
  })
})

test('texts that stand for very many points are looked at once, and not at all when they are too long for numbers', () => {
  const size = (length: number): string => Buffer.from(Uint32Array.of(length).buffer).toString('latin1')
  // One point, put down as number 0 and named again and again at two bytes each.
  const repeated = (path: string, time: string, count: number): string =>
    `\x80\x02](X${size(path.length)}${path}${time}K\x01\x86\x86q\x00${'h\x00'.repeat(count)}e.`
  const { batch, rejected } = decodeGraphitePickle(framed(repeated('a'.repeat(65_000), 'K\x05', 200_000)), {
    now: NOW,
    cache: new SeriesCache(),
  })
  expect([batch.series.count, batch.samples[0]!.count, rejected.count]).toEqual([1, 200_001, 0])
  expect(decode(repeated('\xff'.repeat(65_000), 'K\x05', 20_000)).refused).toMatch(
    /^20001 refused: frame 1, point 0: the path is not valid/,
  )
  expect(decode(repeated('a', `X${size(500_000)}${'1'.repeat(500_000)}`, 20_000)).refused).toMatch(/^20001 refused/)
})
