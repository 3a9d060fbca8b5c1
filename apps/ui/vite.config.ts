import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { defaultClientConditions, defineConfig, type Plugin } from 'vite'

// The page is served by the tsink server under any path, hence relative addresses. In development it asks a server on the usual port.
export default defineConfig({
  base: './',
  // Workspace packages are taken from their sources, as everywhere in this repository.
  resolve: { conditions: ['@tsink/source', ...defaultClientConditions] },
  build: { target: 'es2022', chunkSizeWarningLimit: 900 },
  server: { proxy: { '/api': 'http://127.0.0.1:9201' } },
  plugins: [compressed()],
})

/** Puts compressed twins beside the assets as they were written: they never change, so they are squeezed once and as far as it goes. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    writeBundle({ dir }, bundle) {
      for (const name of Object.keys(bundle)) {
        if (!name.startsWith('assets/')) continue
        const path = join(dir!, name)
        const bytes = readFileSync(path)
        writeFileSync(
          `${path}.br`,
          brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } }),
        )
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
      }
    },
  }
}
