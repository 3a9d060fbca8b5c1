/**
 * Finds the field's own test data. It is not part of this repository: point `TSINK_CORPUS` at it, or keep it at `../shared/corpus` beside
 * the checkout. A test that needs it is skipped, with the reason in its name, where it is absent.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../../..')

/** The folder of one corpus, or why there is none. */
export function corpus(folder: string): { readonly path: string; readonly skip: null } | { readonly path: null; readonly skip: string } {
  const base = process.env['TSINK_CORPUS'] ?? join(ROOT, '../shared/corpus')
  const path = join(base, folder)
  if (existsSync(path)) return { path, skip: null }
  return { path: null, skip: `skipped, because the corpus folder ${folder} is not at TSINK_CORPUS (${base})` }
}
