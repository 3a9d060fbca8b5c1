import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { checkWorkspace, readWorkspace } from '@tsink/tidy'
import { afterEach, describe, expect, it } from 'vitest'

/** A small workspace that breaks no rule, as files on a real disk. */
const SOUND: Readonly<Record<string, string>> = {
  'README.md': '# House\n\nSee [core](packages/core/README.md).\n',
  'packages/core/package.json': JSON.stringify({ name: '@tsink/core', description: 'x', exports: {} }),
  'packages/core/README.md': '# core\n',
  'packages/core/src/index.ts': "export { a } from './a.ts'\n",
  'packages/core/src/a.ts': '/** What this is. */\nexport const a = 1\n',
  'packages/core/test/a.test.ts': "import { a } from '@tsink/core'\n",
  'packages/promql/package.json': JSON.stringify({
    name: '@tsink/promql',
    description: 'x',
    exports: {},
    dependencies: { '@tsink/core': 'workspace:*' },
  }),
  'packages/promql/README.md': '# promql\n',
  'packages/promql/src/index.ts': "export { a } from '@tsink/core'\n",
  'packages/promql/test/a.test.ts': '',
}

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** The findings in the sound workspace after some of its files were changed. */
function check(changes: Record<string, string | null>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'tidy-'))
  folders.push(root)
  for (const [path, text] of Object.entries({ ...SOUND, ...changes })) {
    if (text === null) continue
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return checkWorkspace(readWorkspace(root)).map(({ rule, path, line }) => `${rule} ${path}:${line}`)
}

describe('tidy', () => {
  it('finds nothing in a sound workspace', () => {
    expect(check({})).toEqual([])
  })

  it('finds an import against the layering', () => {
    const manifest = JSON.stringify({
      name: '@tsink/core',
      description: 'x',
      exports: {},
      dependencies: { '@tsink/promql': 'workspace:*' },
    })
    const text = "/** Head. */\nimport { b } from '@tsink/promql'\n"
    expect(check({ 'packages/core/package.json': manifest, 'packages/core/src/a.ts': text })).toEqual(['imports packages/core/src/a.ts:2'])
  })

  it('finds files that import each other, but for their types', () => {
    const a = "/** Head. */\nimport { b } from './b.ts'\nexport const a = (): unknown => b\n"
    const b = "/** Head. */\nexport { a as again } from './a.ts'\nexport const b = 1\n"
    expect(check({ 'packages/core/src/a.ts': a, 'packages/core/src/b.ts': b })).toEqual(['circles packages/core/src/a.ts:0'])
    const typed =
      "/** Head. */\nimport { type a } from './a.ts'\nexport type { a as again } from './a.ts'\nexport const b = 1 as unknown as typeof a\n"
    expect(check({ 'packages/core/src/a.ts': a, 'packages/core/src/b.ts': typed })).toEqual([])
  })

  it('finds an import that the manifest does not declare', () => {
    expect(check({ 'packages/core/src/a.ts': "/** Head. */\nexport { z } from 'zod'\n" })).toEqual(['imports packages/core/src/a.ts:2'])
  })

  it('finds the host in a pure package, in code but not in comments', () => {
    const planted = [
      "import { readFileSync } from 'node:fs'",
      'Buffer.from([])',
      'process.env',
      'Date.now()',
      'new Date()',
      'performance.now()',
      'setTimeout(f)',
      'Math.random()',
      'document.title',
    ]
    for (const text of planted) {
      expect(check({ 'packages/core/src/a.ts': `/** Head. */\n${text}\n` }), text).toEqual(['purity packages/core/src/a.ts:2'])
      expect(check({ 'packages/core/src/a.ts': `/** Head. */\n// ${text}\n` }), text).toEqual([])
    }
  })

  it('finds a drawer', () => {
    expect(check({ 'packages/core/src/label-utils.ts': '/** Head. */\n' })).toEqual(['drawers packages/core/src/label-utils.ts:0'])
    expect(check({ 'packages/core/src/helpers/a.ts': '/** Head. */\n' })).toEqual(['drawers packages/core/src/helpers/a.ts:0'])
  })

  it('finds a file that is too long', () => {
    expect(check({ 'packages/core/src/a.ts': `/** Head. */\n${'a()\n'.repeat(700)}` })).toEqual(['length packages/core/src/a.ts:0'])
  })

  it('finds what a package lacks', () => {
    expect(check({ 'packages/core/README.md': null, 'README.md': '' })).toEqual(['packages packages/core/package.json:0'])
    expect(check({ 'packages/core/test/a.test.ts': null })).toEqual(['packages packages/core/package.json:0'])
    expect(check({ 'packages/core/package.json': JSON.stringify({ name: '@tsink/core', exports: {} }) })).toEqual([
      'packages packages/core/package.json:0',
    ])
    expect(check({ 'packages/core/package.json': JSON.stringify({ name: '@tsink/core', description: 'x' }) })).toEqual([
      'packages packages/core/package.json:0',
    ])
  })

  it('finds a test that goes round the front door, leaves others out or mocks', () => {
    expect(check({ 'packages/core/test/a.test.ts': "import { a } from '../s" + "rc/a.ts'\n" })).toEqual([
      'tests packages/core/test/a.test.ts:1',
    ])
    expect(check({ 'packages/core/test/a.test.ts': 'it' + ".only('x', () => {})\n" })).toEqual(['tests packages/core/test/a.test.ts:1'])
    expect(check({ 'packages/core/test/a.test.ts': 'vi' + ".mock('x')\n" })).toEqual(['tests packages/core/test/a.test.ts:1'])
  })

  it('finds a link that leads nowhere', () => {
    expect(check({ 'README.md': '\n[gone](docs/gone.md)\n' })).toEqual(['links README.md:2'])
  })

  it('finds a file that does not say what it is', () => {
    expect(check({ 'packages/core/src/a.ts': 'export const a = 1\n' })).toEqual(['heads packages/core/src/a.ts:1'])
  })
})
