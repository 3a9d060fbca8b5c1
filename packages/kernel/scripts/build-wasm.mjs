// Compiles assembly/index.ts with AssemblyScript and writes src/generated/module.ts: the module as base64 text and the type of its exports.
// Text inside a TypeScript file is what Node, Bun, Deno, browsers and bundlers all load alike, with no file path and no fetch.
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

// Pages of 64 KiB for the static areas of the assembly; asc says so when they do not suffice.
const INITIAL_PAGES = 112
const root = fileURLToPath(new URL('..', import.meta.url))
const out = mkdtempSync(join(tmpdir(), 'tsink-kernel-'))

try {
  let messages = ''
  const { error } = await asc.main(
    [
      join('assembly', 'index.ts'),
      '--baseDir',
      root,
      '--outFile',
      join(out, 'kernel.wasm'),
      '--bindings',
      'raw',
      '--optimizeLevel',
      '3',
      '--shrinkLevel',
      '0',
      '--noAssert',
      ...(process.argv.includes('--debug') ? ['--debug'] : []),
      '--runtime',
      'stub',
      // The host owns the memory: its size is fixed when an instance is made, and it never grows, so views stay attached.
      '--importMemory',
      '--initialMemory',
      String(INITIAL_PAGES),
      '--zeroFilledMemory',
      // Static data starts at 1,024, so that address 0 is never a valid area.
      '--memoryBase',
      '1024',
      '--exportStart',
      'start',
      '--use',
      'abort=',
      '--enable',
      'simd',
      '--enable',
      'bulk-memory',
    ],
    { stderr: { write: (text) => (messages += text) } },
  )
  if (error) throw new Error(`asc failed: ${messages}`, { cause: error })
  const wasm = readFileSync(join(out, 'kernel.wasm'))
  // Every exported function of the assembly, as asc declares it.
  const declared = readFileSync(join(out, 'kernel.d.ts'), 'utf8').matchAll(/export function (\w+)(\(.*\)): (\w+);/g)
  const functions = [...declared].map(([, name, parameters, result]) => `  readonly ${name}: ${parameters} => ${result}`)
  if (functions.length === 0) throw new Error('asc declared no function')
  const text =
    '// Made by scripts/build-wasm.mjs from assembly/; do not edit.\n\n' +
    `/** What the WebAssembly module exports. Addresses and sizes are in bytes. */\nexport interface KernelExports {\n${functions.join('\n')}\n` +
    "  /** Runs the module's own start; called once for an instance. */\n  readonly start: () => void\n}\n\n" +
    `/** The module's size in bytes. */\nexport const MODULE_BYTES: number = ${wasm.length}\n\n` +
    `/** The bytes of memory that the module needs for its own data. */\nexport const STATIC_BYTES: number = ${INITIAL_PAGES * 65_536}\n\n` +
    `/** The module as base64. */\nexport const MODULE_BASE64: string =\n  '${wasm.toString('base64')}'\n`
  const folder = join(root, 'src', 'generated')
  mkdirSync(folder, { recursive: true })
  // A rename, since tests of other packages may be reading the file at this moment.
  writeFileSync(join(folder, 'module.ts.next'), text)
  renameSync(join(folder, 'module.ts.next'), join(folder, 'module.ts'))
  process.stdout.write(`kernel: ${functions.length} functions, ${wasm.length} bytes\n`)
} finally {
  rmSync(out, { recursive: true, force: true })
}
