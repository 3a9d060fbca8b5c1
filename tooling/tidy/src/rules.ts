/**
 * The rules of the house as data: who may import whom, which names are refused, how long a file may be. HACKING.md says why in words.
 */

/** For each workspace package, the workspace packages that its sources may import. What is not listed may import nothing of ours. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  '@tsink/core': [],
  '@tsink/kernel': ['@tsink/core'],
  '@tsink/host': ['@tsink/core', '@tsink/kernel'],
  '@tsink/codecs': ['@tsink/core', '@tsink/kernel'],
  '@tsink/postings': ['@tsink/core', '@tsink/kernel', '@tsink/codecs'],
  '@tsink/wal': ['@tsink/core', '@tsink/kernel', '@tsink/host', '@tsink/codecs'],
  '@tsink/segment': ['@tsink/core', '@tsink/kernel', '@tsink/host', '@tsink/codecs', '@tsink/postings'],
  '@tsink/registry': ['@tsink/core', '@tsink/kernel', '@tsink/codecs', '@tsink/postings'],
  '@tsink/engine': [
    '@tsink/core',
    '@tsink/kernel',
    '@tsink/host',
    '@tsink/codecs',
    '@tsink/postings',
    '@tsink/wal',
    '@tsink/segment',
    '@tsink/registry',
  ],
  '@tsink/promql': ['@tsink/core', '@tsink/kernel'],
  '@tsink/protocols': ['@tsink/core', '@tsink/kernel'],
  tsink: ['@tsink/core', '@tsink/host', '@tsink/engine', '@tsink/promql'],
  '@tsink/server': ['@tsink/core', '@tsink/kernel', '@tsink/host', '@tsink/engine', '@tsink/promql', '@tsink/protocols', '@tsink/ui'],
  // The inspect command is the one place outside the engine that may look at its organs.
  '@tsink/cli': [
    '@tsink/core',
    '@tsink/host',
    '@tsink/engine',
    '@tsink/promql',
    '@tsink/protocols',
    '@tsink/server',
    '@tsink/promqltest',
    '@tsink/codecs',
    '@tsink/wal',
    '@tsink/segment',
    'tsink',
  ],
  '@tsink/ui': ['@tsink/promql', '@tsink/core'],
  '@tsink/testing': ['@tsink/core'],
  '@tsink/promqltest': ['@tsink/core', '@tsink/promql', '@tsink/testing'],
}

/** Packages that run everywhere, browsers included: they touch nothing outside themselves. */
export const PURE: readonly string[] = [
  '@tsink/core',
  '@tsink/kernel',
  '@tsink/codecs',
  '@tsink/postings',
  '@tsink/registry',
  '@tsink/promql',
  '@tsink/protocols',
]

/** What a pure package may not mention, each with what to do instead. */
export const HOST_GLOBALS: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\bfrom ['"]node:|\bimport\(['"]node:/, 'take it through @tsink/host'],
  [/\bBuffer\b/, 'use Uint8Array'],
  [/(?<![.\w?])process\b(?!\s*[:(])/, 'take it as an option'],
  [/\bDate\.now\b|\bnew Date\(\)/, 'take the time as an argument'],
  [/\bperformance\b/, 'take a clock as an argument'],
  [/\bset(?:Timeout|Interval|Immediate)\b/, 'take a clock as an argument'],
  [/\bMath\.random\b/, 'take a source of randomness as an argument'],
  [/(?<![.\w])(?:document|localStorage|navigator)\./, 'leave the page to the caller'],
]

/** Names under which anything may be put away and nothing is found again. */
export const DRAWERS: readonly string[] = [
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'manager',
  'impl',
  'misc',
  'shared',
  'stuff',
  'lib',
]

export const MAX_FILE_LINES = 700
