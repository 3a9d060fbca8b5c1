/** A directory of a host's disk as a disk of its own: where a snapshot is a store. */
import type { Disk } from '@tsink/host'
import type { MemoryHost } from '@tsink/host/memory'

export function within(host: MemoryHost, dir: string): MemoryHost {
  const { disk } = host
  const at = (path: string): string => (path === '' ? dir : `${dir}/${path}`)
  const inner: Disk = {
    kind: disk.kind,
    list: (path) => disk.list(at(path)),
    makeDirectory: (path) => disk.makeDirectory(at(path)),
    open: (path, mode) => disk.open(at(path), mode),
    rename: (from, to) => disk.rename(at(from), at(to)),
    link: (from, to) => disk.link(at(from), at(to)),
    remove: (path) => disk.remove(at(path)),
    syncDirectory: (path) => disk.syncDirectory(at(path)),
    freeBytes: () => disk.freeBytes(),
    lock: (path) => disk.lock(at(path)),
  }
  return { ...host, disk: inner as MemoryHost['disk'] }
}
