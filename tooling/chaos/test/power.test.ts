/** A real server on a real file system that loses power; `pnpm chaos --power-loss --rounds 100` does it for long. */
import { afterEach, describe, expect, it } from 'vitest'
import { LoopDisk, runRounds } from '@tsink/chaos'
import { serverCommand } from '@tsink/testing'

const whyNot = LoopDisk.whyNot()
const name = whyNot === null ? 'a server whose disk loses power' : `a server whose disk loses power (skipped, because ${whyNot})`

describe.skipIf(whyNot !== null)(name, { timeout: 240_000 }, () => {
  const disks: LoopDisk[] = []
  afterEach(() => {
    for (const disk of disks.splice(0)) disk.remove()
  })

  const rounds = (count: number, syncMode: string): ReturnType<typeof runRounds> => {
    const disk = LoopDisk.make()
    disks.push(disk)
    return runRounds({ rounds: count, seed: 5, command: serverCommand(), args: ['--wal-sync-mode', syncMode], disk })
  }

  it('has everything that it acknowledged', async () => {
    const { losses, acknowledged } = await rounds(3, 'every-write')
    expect(losses).toEqual([])
    expect(acknowledged).toBeGreaterThan(0)
  })

  it('is caught when it does not sync (canary)', async () => {
    const { losses } = await rounds(1, 'os')
    expect(losses.length).toBeGreaterThan(0)
  })
})
