/**
 * Checks: one function per house rule, each from a workspace to the places where the rule is broken.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findCircles } from './circles.ts'
import { DRAWERS, HOST_GLOBALS, MAX_FILE_LINES, MAY_IMPORT, PURE } from './rules.ts'
import type { SourceFile, Workspace } from './workspace.ts'

/** One broken rule at one place. */
export interface Finding {
  readonly rule: string
  readonly path: string
  /** From 1; 0 when the file as a whole is meant. */
  readonly line: number
  readonly message: string
}

export function checkWorkspace(workspace: Workspace): readonly Finding[] {
  return [
    ...checkImports(workspace),
    ...checkCircles(workspace),
    ...checkPurity(workspace),
    ...checkDrawers(workspace),
    ...checkLength(workspace),
    ...checkPackages(workspace),
    ...checkTests(workspace),
    ...checkLinks(workspace),
    ...checkHeads(workspace),
  ]
}

const IMPORT = /(?:\bfrom\s+|\bimport\s+|\bimport\s*\(\s*)['"]([^'"]+)['"]/g

/** Sources import only what the layering allows and the manifest declares. */
export function checkImports({ packages }: Workspace): Finding[] {
  const ours = new Set(packages.map((pack) => pack.name))
  const findings: Finding[] = []
  for (const pack of packages) {
    const tooling = pack.path.startsWith('tooling/') && MAY_IMPORT[pack.name] === undefined
    const allowed = new Set(MAY_IMPORT[pack.name] ?? [])
    const declared = new Set([
      ...Object.keys(pack.manifest.dependencies ?? {}),
      ...(pack.manifest.private === true || pack.path === 'apps/ui' ? Object.keys(pack.manifest.devDependencies ?? {}) : []),
    ])
    forEachImport(pack.sources, (file, line, specifier) => {
      // `#` names are the package's own files, chosen by its manifest's `imports`.
      if (specifier.startsWith('.') || specifier.startsWith('#') || specifier.startsWith('node:')) return
      const name = specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : specifier.split('/')[0]!
      if (name === pack.name) return
      if (!declared.has(name))
        findings.push({ rule: 'imports', path: file.path, line, message: `${name} is not among the dependencies of ${pack.name}` })
      if (ours.has(name) && !tooling && !allowed.has(name))
        findings.push({ rule: 'imports', path: file.path, line, message: `${pack.name} may not import ${name}` })
    })
  }
  return findings
}

/** Files of a package stand above what they import. */
export function checkCircles({ packages }: Workspace): Finding[] {
  return packages.flatMap((pack) =>
    findCircles(pack.sources).map((circle): Finding => {
      const names = circle.map((path) => path.slice(pack.path.length + '/src/'.length))
      return { rule: 'circles', path: circle[0]!, line: 0, message: `imports itself in the end: ${names.join(' -> ')}` }
    }),
  )
}

/** Pure packages touch nothing of the host. */
export function checkPurity({ packages }: Workspace): Finding[] {
  const findings: Finding[] = []
  for (const pack of packages) {
    if (!PURE.includes(pack.name)) continue
    for (const file of pack.sources) {
      forEachCodeLine(file, (line, text) => {
        for (const [pattern, instead] of HOST_GLOBALS) {
          const match = pattern.exec(text)
          if (match !== null)
            findings.push({ rule: 'purity', path: file.path, line, message: `\`${match[0].trim()}\` in a pure package: ${instead}` })
        }
      })
    }
  }
  return findings
}

/** No file or folder is a drawer. */
export function checkDrawers({ packages }: Workspace): Finding[] {
  const findings: Finding[] = []
  for (const pack of packages) {
    for (const file of pack.sources) {
      const inside = file.path.slice(pack.path.length + 1)
      for (const part of inside.split('/')) {
        const stem = part.replace(/\.tsx?$/, '').toLowerCase()
        const drawer = stem.split(/[-_.]/).find((word) => DRAWERS.includes(word))
        if (drawer !== undefined)
          findings.push({
            rule: 'drawers',
            path: file.path,
            line: 0,
            message: `"${drawer}" says nothing: name the file after what is in it`,
          })
      }
    }
  }
  return findings
}

export function checkLength({ packages }: Workspace): Finding[] {
  const findings: Finding[] = []
  for (const pack of packages) {
    for (const file of [...pack.sources, ...pack.tests]) {
      const lines = file.text.split('\n').length - 1
      if (lines > MAX_FILE_LINES)
        findings.push({
          rule: 'length',
          path: file.path,
          line: 0,
          message: `${lines} lines; ${MAX_FILE_LINES} is the ceiling: one idea each`,
        })
    }
  }
  return findings
}

/** Every package has a README, a description, an entry and a test. */
export function checkPackages({ packages }: Workspace): Finding[] {
  const findings: Finding[] = []
  for (const pack of packages) {
    const miss = (message: string): void => void findings.push({ rule: 'packages', path: `${pack.path}/package.json`, line: 0, message })
    if (pack.sources.length === 0) miss('a package without sources is not made yet')
    if (!pack.hasReadme) miss('a package needs a README.md')
    if (pack.manifest.description === undefined) miss('a package needs a description')
    if (pack.manifest.exports === undefined && pack.manifest.bin === undefined) miss('a package needs exports')
    if (pack.tests.length === 0 && pack.path.startsWith('packages/')) miss('a package needs a test')
  }
  return findings
}

/** Tests go through the front door: they import packages by name, and only their own files by path. */
export function checkTests({ packages }: Workspace): Finding[] {
  const findings: Finding[] = []
  for (const pack of packages) {
    forEachImport(pack.tests, (file, line, specifier) => {
      if (/^\.\.?\/(.*\/)?src\//.test(specifier))
        findings.push({ rule: 'tests', path: file.path, line, message: `import from ${pack.name}, not from ${specifier}` })
    })
    for (const file of pack.tests) {
      forEachCodeLine(file, (line, text) => {
        if (/\b(?:it|test|describe)\.only\b/.test(text))
          findings.push({ rule: 'tests', path: file.path, line, message: '`.only` leaves the other tests out' })
        if (/\bvi\.(?:mock|fn|spyOn)\b/.test(text))
          findings.push({ rule: 'tests', path: file.path, line, message: 'no mocks: use a host implementation or the real thing' })
      })
    }
  }
  return findings
}

/** Links in documents lead somewhere. */
export function checkLinks({ root, documents }: Workspace): Finding[] {
  const findings: Finding[] = []
  for (const document of documents) {
    for (const [i, text] of document.text.split('\n').entries()) {
      for (const match of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        const target = match[1]!
        if (/^[a-z]+:/.test(target) || target.startsWith('#')) continue
        const path = join(root, dirname(document.path), decodeURIComponent(target.split('#')[0]!))
        if (!existsSync(path)) findings.push({ rule: 'links', path: document.path, line: i + 1, message: `${target} does not exist` })
      }
    }
  }
  return findings
}

/** A source file opens by saying what it is. Short index files, which only list names, need not. */
export function checkHeads({ packages }: Workspace): Finding[] {
  const findings: Finding[] = []
  for (const pack of packages) {
    for (const file of pack.sources) {
      if (/(^|\/)index\.tsx?$/.test(file.path) || /^(?:#!.*\n)?\s*(?:\/\*|\/\/)/.test(file.text)) continue
      findings.push({ rule: 'heads', path: file.path, line: 1, message: 'a file opens with a paragraph that says what it is' })
    }
  }
  return findings
}

function forEachImport(files: readonly SourceFile[], visit: (file: SourceFile, line: number, specifier: string) => void): void {
  for (const file of files) {
    forEachCodeLine(file, (line, text) => {
      if (!/\b(?:from|import)\b/.test(text)) return
      for (const match of text.matchAll(IMPORT)) visit(file, line, match[1]!)
    })
  }
}

/** Lines without comments; good enough for rules about names. */
function forEachCodeLine(file: SourceFile, visit: (line: number, text: string) => void): void {
  let inComment = false
  for (const [i, raw] of file.text.split('\n').entries()) {
    let text = raw
    if (inComment) {
      const end = text.indexOf('*/')
      if (end < 0) continue
      text = text.slice(end + 2)
      inComment = false
    }
    text = text.replace(/\/\*.*?\*\//g, '').replace(/(^|\s)\/\/.*$/, '$1')
    const start = text.search(/(^|\s)\/\*/)
    if (start >= 0) {
      text = text.slice(0, start)
      inComment = true
    }
    if (text.trim() !== '') visit(i + 1, text)
  }
}
