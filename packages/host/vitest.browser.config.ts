import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'

// The disk of the browser, and what the log and the segments do on it, in a real browser: `pnpm --filter @tsink/host test:browser`. It needs a chromium,
// by default Debian's; CHROMIUM names another.
const conditions = ['@tsink/source']

export default defineConfig({
  root: '../..',
  resolve: { conditions: [...conditions, 'module', 'browser', 'import', 'default'] },
  test: {
    include: [
      'packages/host/test/browser/*.browser.ts',
      'packages/host/test/memory.test.ts',
      'packages/wal/test/log.test.ts',
      'packages/segment/test/catalog.test.ts',
    ],
    testTimeout: 60_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
          args: ['--no-sandbox', '--disable-background-networking'],
        },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
})
