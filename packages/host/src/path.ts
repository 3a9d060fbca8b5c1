/** Paths of a disk: names with `/` between them, below the disk's root and never above it. */
import { assert } from '@tsink/core'

/** The names of a path. `''` and `.` are the root. Asserts that the path does not leave the root: paths are made by code, never by input. */
export function splitPath(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  for (const name of names)
    assert(name !== '..' && !name.includes('\\') && !name.includes('\0'), `${JSON.stringify(path)} is a path below the root`)
  return names
}

/** The directory of a path and the last name in it. */
export function parentOf(path: string): { dir: string; name: string } {
  const names = splitPath(path)
  assert(names.length > 0, 'the root has no parent')
  const name = names.pop()!
  return { dir: names.join('/'), name }
}
