import { existsSync } from 'node:fs'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'

// The suites of the codecs and of the kernel in a real browser: `pnpm --filter @tsink/codecs test:browser`. It needs a chromium, by default
// Debian's; CHROMIUM names another. What reads files stays behind: the corpus, and Node's own.
const conditions = ['@tsink/source']
const chromium = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
if (!existsSync(chromium)) {
  process.stdout.write(`skipped, because there is no chromium at ${chromium}; CHROMIUM names another place\n`)
  process.exit(0)
}

export default defineConfig({
  root: '../..',
  resolve: { conditions: [...conditions, 'module', 'browser', 'import', 'default'] },
  test: {
    include: ['packages/{codecs,kernel}/test/**/*.test.ts'],
    exclude: [
      'packages/codecs/test/choice.test.ts',
      'packages/codecs/test/package.test.ts',
      'packages/kernel/test/{snappy,remote-write,label}*.test.ts',
    ],
    testTimeout: 60_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          executablePath: chromium,
          args: ['--no-sandbox', '--disable-background-networking'],
        },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
})
