import { defineConfig, type ViteUserConfig } from 'vitest/config'

// Tests and development run the TypeScript sources of every workspace package: the `@tsink/source` export condition names them.
const conditions = ['@tsink/source']

const config: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions: [...conditions, 'node', 'module', 'import', 'default'] } },
  test: {
    include: ['{packages,apps,tooling}/*/test/**/*.test.ts'],
    execArgv: ['--conditions=@tsink/source'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})

export default config
