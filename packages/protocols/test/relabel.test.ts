/** Relabelling: every row of the field's table, and the rules about what goes together. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Labels } from '@tsink/core'
import { compileRelabel, relabel, type RelabelAction, type RelabelConfig } from '@tsink/protocols'
import { corpus } from '@tsink/testing'

interface Row {
  readonly id: number
  readonly input: Record<string, string>
  readonly keep: boolean
  readonly output?: Record<string, string>
  readonly relabel_configs: readonly {
    readonly action: RelabelAction
    readonly modulus: number
    readonly regex: string
    readonly replacement: string
    readonly separator: string
    readonly source_labels: readonly string[] | null
    readonly target_label: string
  }[]
}

const rules = corpus('rules')

describe.skipIf(rules.skip !== null)(`the relabel table ${rules.skip ?? ''}`, () => {
  const rows: readonly Row[] =
    rules.path === null
      ? []
      : readFileSync(join(rules.path, 'relabel.jsonl'), 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as Row)

  test('has its rows', () => expect(rows.length).toBeGreaterThan(20))

  test.each(rows.map((row) => [row.id, row] as const))('row %i', (_, row) => {
    const steps = row.relabel_configs.map((config) =>
      compileRelabel({
        action: config.action,
        sourceLabels: config.source_labels ?? [],
        separator: config.separator,
        regex: config.regex,
        modulus: config.modulus,
        targetLabel: config.target_label,
        replacement: config.replacement,
      }),
    )
    expect(relabel(Labels.of(row.input), steps)?.toJSON() ?? null).toEqual(row.keep ? row.output : null)
  })
})

describe('a relabelling step', () => {
  const check = (config: RelabelConfig, input: Record<string, string>, want: Record<string, string> | null): void =>
    expect(relabel(Labels.of(input), [compileRelabel(config)])?.toJSON() ?? null).toEqual(want)

  test('replaces: joined sources, groups in target and replacement, an empty result removes', () => {
    check(
      { sourceLabels: ['a', 'b'], regex: '(.*);(.*)', targetLabel: 'c', replacement: '$2/$1' },
      { a: '1', b: '2' },
      { a: '1', b: '2', c: '2/1' },
    )
    check({ sourceLabels: ['a'], targetLabel: 'b' }, { a: 'x' }, { a: 'x', b: 'x' })
    check({ targetLabel: 'env', replacement: 'prod' }, {}, { env: 'prod' })
    check({ sourceLabels: ['missing'], targetLabel: 'a' }, { a: 'x' }, {})
    check({ sourceLabels: ['a'], regex: '(x)(y)?', targetLabel: '${2}' }, { a: 'x' }, { a: 'x' })
    check({ sourceLabels: ['a'], regex: 'other', targetLabel: 'b', replacement: 'z' }, { a: 'x' }, { a: 'x' })
  })

  test('keeps and drops, also by equality', () => {
    check({ action: 'keep', sourceLabels: ['a'], regex: 'x|y' }, { a: 'y' }, { a: 'y' })
    check({ action: 'keep', sourceLabels: ['a'], regex: 'x|y' }, { a: 'xy' }, null)
    check({ action: 'drop', sourceLabels: ['a', 'b'], separator: '@', regex: '1@2' }, { a: '1', b: '2' }, null)
    check({ action: 'keepequal', sourceLabels: ['a'], targetLabel: 'b' }, { a: '1', b: '2' }, null)
    check({ action: 'dropequal', sourceLabels: ['a'], targetLabel: 'b' }, { a: '1', b: '1' }, null)
    check({ action: 'dropequal', sourceLabels: ['a'], targetLabel: 'b' }, {}, null)
  })

  test('maps, drops and keeps labels by their names', () => {
    check({ action: 'labelmap', regex: '__meta_(.+)' }, { __meta_zone: 'z', a: '1' }, { __meta_zone: 'z', a: '1', zone: 'z' })
    check({ action: 'labelmap', regex: '(b).', replacement: '$1' }, { b1: '1', b2: '2' }, { b: '2', b1: '1', b2: '2' })
    check({ action: 'labeldrop', regex: 'a.*' }, { a: '1', ab: '2', b: '3' }, { b: '3' })
    check({ action: 'labelkeep', regex: 'a.*' }, { a: '1', ab: '2', b: '3' }, { a: '1', ab: '2' })
  })

  test('changes case', () => {
    check({ action: 'lowercase', sourceLabels: ['a'], targetLabel: 'a' }, { a: 'ÄB' }, { a: 'äb' })
    check({ action: 'uppercase', sourceLabels: ['a'], targetLabel: 'b' }, { a: 'x1' }, { a: 'x1', b: 'X1' })
  })

  test('runs in order and stops at the first that drops', () => {
    const steps = [
      compileRelabel({ sourceLabels: ['a'], targetLabel: 'b' }),
      compileRelabel({ action: 'drop', sourceLabels: ['b'], regex: 'gone' }),
      compileRelabel({ targetLabel: 'c', replacement: '$$' }),
    ]
    expect(relabel(Labels.of({ a: 'gone' }), steps)).toBeNull()
    expect(relabel(Labels.of({ a: 'here' }), steps)?.toJSON()).toEqual({ a: 'here', b: 'here', c: '$' })
  })

  test('hashes as every other MD5 does', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 300 }),
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        (text, modulus) => {
          fc.pre(text !== '')
          const digest = createHash('md5').update(text).digest()
          const [step] = [compileRelabel({ action: 'hashmod', sourceLabels: ['a'], targetLabel: 'shard', modulus })]
          expect(step.apply(Labels.of({ a: text }))!.get('shard')).toBe(String(digest.readBigUInt64BE(8) % BigInt(modulus)))
        },
      ),
    )
  })
})

describe('a relabelling step is refused', () => {
  const check = (config: RelabelConfig, problem: string): void => {
    let message = 'nothing'
    try {
      compileRelabel(config)
    } catch (error) {
      message = (error as Error).message
    }
    expect(message).toContain(problem)
  }

  test('when its parts do not go together', () => {
    check({ sourceLabels: ['a'] }, "relabel configuration for replace action requires 'target_label' value")
    check({ action: 'hashmod', sourceLabels: ['a'], targetLabel: 'b' }, 'requires non-zero modulus')
    check({ action: 'explode' as never }, 'unknown relabel action "explode"')
    check({ action: 'labeldrop', regex: 'a', sourceLabels: ['b'] }, "labeldrop action requires only 'regex', and no other fields")
    check({ action: 'keepequal', sourceLabels: ['a'], targetLabel: 'b', regex: 'c' }, "requires only 'source_labels' and `target_label`")
    check(
      { action: 'lowercase', sourceLabels: ['a'], targetLabel: 'b', replacement: 'c' },
      "'replacement' can not be set for lowercase action",
    )
    check({ sourceLabels: [''], targetLabel: 'b' }, '"" is not a valid label name')
    check({ targetLabel: 'a', regex: '(' }, 'missing closing )')
  })
})
