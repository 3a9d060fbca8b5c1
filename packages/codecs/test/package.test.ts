import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

// The package as npm would ship it, in a project that has nothing else: no sources, no conditions, no bundler.
const PACKAGES = resolve(import.meta.dirname, '../..')
const NAMES = ['core', 'kernel', 'codecs']

const unbuilt = NAMES.find((name) => !existsSync(join(PACKAGES, name, 'dist', 'index.js')))
const reason =
  unbuilt !== undefined ? `skipped, because packages/${unbuilt} is not built` : hasNpm() ? '' : 'skipped, because npm is not there'

function hasNpm(): boolean {
  try {
    execFileSync('npm', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const PROGRAM = `
import { crc32c, decodeFloats, encodeFloats, openChunk, sealChunk } from '@tsink/codecs'
const values = Float64Array.from({ length: 1000 }, (_, i) => Math.round(2000 + 50 * Math.sin(i)) / 100)
const bytes = encodeFloats(values)
const back = decodeFloats(bytes)
const timestamps = Float64Array.from({ length: 1000 }, (_, i) => 1_700_000_000_000 + i * 15_000)
const chunk = openChunk(sealChunk({ kind: 'f64', base: 0, count: 1000, timestamps, values }))
console.log(JSON.stringify({ size: bytes.length, same: back.every((value, i) => value === values[i]), crc: crc32c(bytes), codec: chunk.valueCodec }))
`

describe.skipIf(reason !== '')(`packed by npm${reason === '' ? '' : `: ${reason}`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tsink-bare-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('it runs in a bare project, with and without WebAssembly, and ships neither sources nor tests', () => {
    const modules = join(folder, 'node_modules')
    for (const name of NAMES) {
      const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
        cwd: join(PACKAGES, name),
      })
      const [{ filename }] = JSON.parse(packed.toString()) as [{ filename: string }]
      const target = join(modules, '@tsink', name)
      mkdirSync(target, { recursive: true })
      execFileSync('tar', ['xzf', join(folder, filename), '-C', target, '--strip-components=1'])
      expect(readdirSync(target).toSorted(), name).toEqual(expect.arrayContaining(['README.md', 'dist', 'package.json']))
      expect(readdirSync(target), name).not.toContain('src')
    }
    // The one dependency from outside, as npm would have put it there.
    symlinkSync(realpathSync(join(PACKAGES, 'core', 'node_modules', 're2js')), join(modules, 're2js'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(folder, 'use.js'), PROGRAM)
    const run = (kernel: string): unknown => {
      const env = { ...process.env, TSINK_KERNEL: kernel, NODE_OPTIONS: '' }
      return JSON.parse(execFileSync(process.execPath, ['use.js'], { cwd: folder, env }).toString())
    }
    const answer = run('wasm')
    expect(answer).toMatchObject({ same: true, codec: 'decimal' })
    expect(run('ts')).toEqual(answer)
  }, 60_000)
})
