/** The README's examples are run as they stand there: what does not work is not in it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const examples = examplesOf('../README.md')
const dir = mkdtempSync(join(tmpdir(), 'tsink-readme-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function examplesOf(readme: string): string[] {
  const text = readFileSync(join(import.meta.dirname, readme), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1]!)
}

/** Runs a program as somebody would who has the package installed. */
function run(source: string): string {
  // A module outside of the workspace does not find the package by its name.
  const program = source.replace("from 'tsink'", `from ${JSON.stringify(join(import.meta.dirname, '../src/index.ts'))}`)
  const file = join(dir, `example-${Math.random().toString(36).slice(2)}.ts`)
  writeFileSync(file, program)
  return execFileSync(process.execPath, ['--conditions=@tsink/source', file], { cwd: dir, encoding: 'utf8', timeout: 30_000 })
}

test('the first example stores a sample and finds it', () => {
  const output = run(examples[0]!)
  expect(output).toContain('kitchen')
  expect(output).toContain('21.5')
})

test('so do the five lines in the README of the whole', () => {
  const output = run(examplesOf('../../../README.md')[0]!)
  expect(output).toContain('kitchen')
  expect(output).toContain('21.5')
})

test('the other examples run one after the other', () => {
  const setup = `import { open } from 'tsink'
    const now = Date.now()
    const [start, end] = [now - 3_600_000, now + 1]
    await using db = await open()
    const rows = [{ metric: 'requests_total', labels: { host: 'a' }, timestamp: now, value: 1 }]`
  const used = examples.slice(1, -1).map((example) => `{\n${example.replace("path: './data',", "path: './other',")}}`)
  expect(used.length).toBe(3)
  expect(run(`${setup}\n${used.join('\n')}\nconsole.log('done')`)).toBe('done\n')
})

test('the example of a thread runs', () => {
  expect(run(examples.at(-1)!)).toBe('vector\n')
})
