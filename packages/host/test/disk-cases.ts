/**
 * What every disk must do, as cases that need no test framework: Node, memory and the browser's worker run the same ones.
 */
import { TsinkError } from '@tsink/core'
import type { Disk, DiskFile } from '@tsink/host'

export interface DiskCase {
  readonly name: string
  /** Runs on an empty disk; throws when the disk does not do it. */
  readonly run: (disk: Disk) => Promise<void>
}

export const DISK_CASES: readonly DiskCase[] = [
  {
    name: 'a file gives back what was written, where it was written',
    async run(disk) {
      const file = await disk.open('a', 'create')
      file.writeSync(bytes(1, 2, 3), 0)
      file.writeSync(bytes(9), 1)
      file.writeSync(bytes(4, 5), 3)
      same(file.sizeBytes, 5, 'size')
      same(read(file, 0, 5), '1,9,3,4,5')
      same(read(file, 3, 10), '4,5', 'a read is short where the file ends')
      same(read(file, 5, 3), '', 'and empty behind')
      await file.sync()
      file.syncSync()
      await file.close()
      const again = await disk.open('a', 'read')
      same(again.sizeBytes, 5, 'size on opening')
      same(read(again, 0, 5), '1,9,3,4,5')
      await again.close()
    },
  },
  {
    name: 'a gap reads as zeros, and so does what truncating adds',
    async run(disk) {
      const file = await disk.open('a', 'create')
      file.writeSync(bytes(7), 4)
      same(read(file, 0, 5), '0,0,0,0,7')
      file.truncate(2)
      same(file.sizeBytes, 2, 'size')
      file.truncate(6)
      same(file.sizeBytes, 6, 'size')
      same(read(file, 0, 9), '0,0,0,0,0,0')
      await file.close()
    },
  },
  {
    name: 'a part of a buffer is read and written, not the buffer',
    async run(disk) {
      const file = await disk.open('a', 'create')
      file.writeSync(bytes(1, 2, 3, 4, 5).subarray(1, 4), 0)
      const into = new Uint8Array(6)
      same(file.readSync(into.subarray(2, 4), 0), 2)
      same([...into].join(), '0,0,2,3,0,0')
      await file.close()
    },
  },
  {
    name: 'create refuses a file that is there; read and write refuse one that is not',
    async run(disk) {
      await (await disk.open('a', 'create')).close()
      same((await refused(disk.open('a', 'create'))).code, 'WRITE_FAILED')
      for (const mode of ['read', 'write'] as const) {
        const error = await refused(disk.open('nothing', mode))
        same(error.code, 'READ_FAILED')
        same(error.detail['missing'], true)
        same(typeof error.detail['file'], 'string')
      }
      same((await refused(disk.open('no/such/place', 'create'))).kind, 'io')
    },
  },
  {
    name: 'directories are made with those above them, listed by name, and removed with what is in them',
    async run(disk) {
      same((await disk.list('nowhere')).length, 0)
      await disk.makeDirectory('x/y/z')
      await disk.makeDirectory('x/y')
      await write(disk, 'x/b', bytes(1, 2))
      await write(disk, 'x/a', bytes(1))
      await write(disk, 'x/y/z/deep', bytes(1))
      await disk.syncDirectory('x')
      same(
        JSON.stringify(await disk.list('x')),
        JSON.stringify([entry('a', 1), entry('b', 2), { name: 'y', isDirectory: true, sizeBytes: 0 }]),
      )
      await disk.remove('x/y')
      await disk.remove('x/y')
      await disk.remove('x/a')
      same((await disk.list('x')).map(({ name }) => name).join(), 'b')
      same((await disk.list('')).map(({ name }) => name).join(), 'x')
    },
  },
  {
    name: 'rename moves a file, over another and into another directory',
    async run(disk) {
      await disk.makeDirectory('d')
      await write(disk, 'new', bytes(2))
      await write(disk, 'old', bytes(1, 1))
      await disk.rename('new', 'old')
      same(await readWhole(disk, 'old'), '2')
      same((await refused(disk.open('new', 'read'))).detail['missing'], true)
      await disk.rename('old', 'd/moved')
      same(await readWhole(disk, 'd/moved'), '2')
      same((await refused(disk.rename('old', 'd/again'))).code, 'WRITE_FAILED')
    },
  },
  {
    name: 'a link keeps the bytes when the first name goes',
    async run(disk) {
      await disk.makeDirectory('d')
      await write(disk, 'a', bytes(1, 2, 3))
      await disk.link('a', 'd/b')
      same((await refused(disk.link('a', 'd/b'))).code, 'WRITE_FAILED', 'a link does not replace')
      await disk.remove('a')
      same(await readWhole(disk, 'd/b'), '1,2,3')
    },
  },
  {
    name: 'a file is read through two handles while one writes',
    async run(disk) {
      const writer = await disk.open('a', 'create')
      writer.writeSync(bytes(1, 2), 0)
      const reader = await disk.open('a', 'read')
      writer.writeSync(bytes(3), 2)
      same(read(reader, 0, 9), '1,2,3')
      await writer.close()
      same(read(reader, 0, 2), '1,2')
      await reader.close()
      await reader.close()
    },
  },
  {
    name: 'a large write is whole',
    async run(disk) {
      const large = new Uint8Array(3_000_000).map((_, i) => i * 31)
      const file = await disk.open('a', 'create')
      file.writeSync(large, 5)
      const back = new Uint8Array(large.length)
      same(file.readSync(back, 5), large.length)
      same(
        back.every((byte, i) => byte === large[i]),
        true,
      )
      await file.close()
    },
  },
  {
    name: 'a lock keeps a second holder out until it is released',
    async run(disk) {
      const lock = await disk.lock('lock')
      const error = await refused(disk.lock('lock'))
      same(error.code, 'LOCKED')
      same(error.kind, 'unavailable')
      same(/locked: the store is open in/.test(error.message), true, error.message)
      await lock.release()
      await lock.release()
      const next = await disk.lock('lock')
      await next.release()
    },
  },
  {
    name: 'free space is a number of bytes',
    async run(disk) {
      same((await disk.freeBytes()) > 0, true)
    },
  },
]

function bytes(...values: number[]): Uint8Array {
  return new Uint8Array(values)
}

function entry(name: string, sizeBytes: number): object {
  return { name, isDirectory: false, sizeBytes }
}

function read(file: DiskFile, offset: number, length: number): string {
  const into = new Uint8Array(length)
  return [...into.subarray(0, file.readSync(into, offset))].join()
}

async function write(disk: Disk, path: string, content: Uint8Array): Promise<void> {
  const file = await disk.open(path, 'create')
  file.writeSync(content, 0)
  await file.close()
}

async function readWhole(disk: Disk, path: string): Promise<string> {
  const file = await disk.open(path, 'read')
  const text = read(file, 0, file.sizeBytes)
  await file.close()
  return text
}

async function refused(promise: Promise<unknown>): Promise<TsinkError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof TsinkError) return error
    throw error
  }
  throw new Error('expected that it is refused')
}

function same(found: unknown, expected: unknown, what = 'value'): void {
  if (found !== expected) throw new Error(`${what}: expected ${String(expected)}, found ${String(found)}`)
}
