import type { Disk } from '@tsink/host'
import { MemoryDisk } from '@tsink/host/memory'
import { NodeDisk } from '@tsink/host/node'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { DISK_CASES } from './disk-cases.ts'

const root = mkdtempSync(join(tmpdir(), 'tsink-disk-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let count = 0

const disks: [string, () => Disk][] = [
  ['memory', () => new MemoryDisk()],
  ['node', () => new NodeDisk(join(root, String(count++)))],
]

for (const [kind, make] of disks) {
  describe(`the ${kind} disk`, () => {
    for (const { name, run } of DISK_CASES) {
      test(name, async () => {
        const disk = make()
        await disk.makeDirectory('')
        await run(disk)
        expect(disk.kind).toBe(kind)
      })
    }

    test('paths do not leave the root', async () => {
      const disk = make()
      for (const path of ['..', 'a/../..', 'a\\b', 'a\0b']) {
        await expect((async () => disk.open(path, 'read'))(), path).rejects.toThrow(/below the root/)
      }
    })
  })
}
