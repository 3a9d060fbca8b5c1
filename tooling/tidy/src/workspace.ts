/**
 * Workspace: what the rules look at. Packages with their manifests and the text of their files, read once.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

export interface SourceFile {
  /** Relative to the workspace's root. */
  readonly path: string
  readonly text: string
}

export interface Manifest {
  readonly name: string
  readonly description?: string
  readonly private?: boolean
  readonly exports?: unknown
  readonly bin?: unknown
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

export interface WorkspacePackage {
  readonly name: string
  /** Relative to the root, for instance `packages/core`. */
  readonly path: string
  readonly manifest: Manifest
  readonly sources: readonly SourceFile[]
  readonly tests: readonly SourceFile[]
  readonly hasReadme: boolean
}

export interface Workspace {
  readonly root: string
  readonly packages: readonly WorkspacePackage[]
  /** Every Markdown file outside node_modules. */
  readonly documents: readonly SourceFile[]
}

export function readWorkspace(root: string): Workspace {
  const packages: WorkspacePackage[] = []
  for (const group of ['packages', 'apps', 'tooling']) {
    if (!existsSync(join(root, group))) continue
    for (const entry of readdirSync(join(root, group), { withFileTypes: true })) {
      const folder = join(root, group, entry.name)
      if (!entry.isDirectory() || !existsSync(join(folder, 'package.json'))) continue
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
      packages.push({
        name: manifest.name,
        path: relative(root, folder),
        manifest,
        sources: readFiles(root, join(folder, 'src'), /\.(ts|tsx)$/),
        tests: readFiles(root, join(folder, 'test'), /\.(ts|tsx)$/),
        hasReadme: existsSync(join(folder, 'README.md')),
      })
    }
  }
  return { root, packages, documents: readFiles(root, root, /\.md$/) }
}

const SKIPPED = new Set(['node_modules', 'dist', 'build', 'generated', '.git', '.turbo', 'golden'])

function readFiles(root: string, folder: string, pattern: RegExp): SourceFile[] {
  if (!existsSync(folder)) return []
  const files: SourceFile[] = []
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) files.push(...readFiles(root, path, pattern))
    else if (entry.isFile() && pattern.test(entry.name)) files.push({ path: relative(root, path), text: readFileSync(path, 'utf8') })
  }
  return files
}
