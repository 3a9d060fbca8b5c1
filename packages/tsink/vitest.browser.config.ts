import { defineConfig } from 'vitest/config'

// tsink in a real browser, page reload included: `pnpm --filter tsink test:browser`.
const conditions = ['@tsink/source']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions: [...conditions, 'node', 'module', 'import', 'default'] } },
  test: {
    root: import.meta.dirname,
    include: ['test/browser/*.browser.ts'],
    execArgv: ['--conditions=@tsink/source'],
  },
})
