export type { Clock, Timer } from './clock.ts'
export type { Compression } from './compression.ts'
export type { DirectoryEntry, Disk, DiskFile, DiskLock, OpenMode } from './disk.ts'
export type { Host } from './host.ts'
