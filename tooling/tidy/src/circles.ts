/**
 * Circles: files of a package that import each other in a loop, so that none of them can be read, or loaded, before the others. Types alone
 * tie no one: `import type` leaves nothing behind when the code runs.
 */
import { dirname, normalize } from 'node:path'
import type { SourceFile } from './workspace.ts'

const STATEMENT = /^(?:import|export)\s+(?!type\b)([^'"]*?)\s*from\s+['"](\.[^'"]+)['"]/gm
const BARE = /^import\s+['"](\.[^'"]+)['"]/gm

/** Each loop once, as the paths along it; the first one stands at its end again. */
export function findCircles(sources: readonly SourceFile[]): readonly (readonly string[])[] {
  const imports = new Map(sources.map((file) => [file.path, importsOf(file)]))
  const circles: string[][] = []
  const done = new Set<string>()
  const trail: string[] = []
  const walk = (path: string): void => {
    const at = trail.indexOf(path)
    if (at >= 0) circles.push([...trail.slice(at), path])
    if (at >= 0 || done.has(path)) return
    trail.push(path)
    for (const next of imports.get(path) ?? []) walk(next)
    trail.pop()
    done.add(path)
  }
  for (const path of imports.keys()) walk(path)
  return circles
}

function importsOf({ path, text }: SourceFile): string[] {
  const found = [...text.matchAll(STATEMENT)].filter(([, names]) => !hasOnlyTypes(names!)).map(([, , specifier]) => specifier!)
  for (const [, specifier] of text.matchAll(BARE)) found.push(specifier!)
  return found.map((specifier) => normalize(`${dirname(path)}/${specifier}`))
}

/** `{ type A, type B }` and nothing else. */
function hasOnlyTypes(names: string): boolean {
  const inside = /^\{([\s\S]*)\}$/.exec(names.trim())
  if (inside === null) return false
  return inside[1]!
    .split(',')
    .map((name) => name.trim())
    .every((name) => name === '' || name.startsWith('type '))
}
