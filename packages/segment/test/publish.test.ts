/** Writing a segment and publishing it, with a loss of power at every change: what the catalog lists is there, whole. */
import { memoryHost, PowerFailure, type MemoryHost, type Survival } from '@tsink/host/memory'
import { Catalog, Segment } from '@tsink/segment'
import { describe, expect, test } from 'vitest'
import { makeSeries, META, writeSegment } from './fixtures.ts'

const PLANNED = makeSeries(6, 1, 5)

/** Three segments, each published with those before; then the first two are replaced by a fourth, and their files removed. */
async function publishAll(host: MemoryHost, syncsNames: boolean, published: number[]): Promise<void> {
  const { disk } = host
  await disk.makeDirectory('segments')
  await disk.syncDirectory('')
  const catalog = await Catalog.open(disk, '')
  const write = async (id: number): Promise<Awaited<ReturnType<typeof writeSegment>>> => {
    const info = await writeSegment(host, `segments/${id}.seg`, PLANNED, { ...META, id })
    if (syncsNames) await disk.syncDirectory('segments')
    return info
  }
  for (let id = 1; id <= 3; id++) {
    const info = await write(id)
    await catalog.publish({ ...catalog.state, segments: [...catalog.state.segments, info] })
    published.push(id)
  }
  const merged = await write(4)
  await catalog.publish({ ...catalog.state, segments: [...catalog.state.segments.slice(2), merged] })
  published.push(4)
  for (const id of [1, 2]) await disk.remove(`segments/${id}.seg`)
}

/** What is wrong after a loss of power at change `at`, or null. */
async function findFault(at: number, survival: Survival, syncsNames: boolean): Promise<string | null> {
  const host = memoryHost({ seed: at })
  if (at > 0) host.disk.failChange(at, 'crash')
  const published: number[] = []
  try {
    await publishAll(host, syncsNames, published)
  } catch (error) {
    if (!(error instanceof PowerFailure)) throw error
  }
  host.disk.crash(survival)
  const { state } = await Catalog.open(host.disk, '')
  const listed = state.segments.map(({ id }) => id).join()
  const states = ['', '1', '1,2', '1,2,3', '3,4']
  if (!states.slice(published.length, published.length + 2).includes(listed))
    return `after ${published.length} publications the catalog lists ${listed}`
  for (const info of state.segments) {
    try {
      const segment = Segment.of(host, info)
      await segment.verify()
      await segment.close()
    } catch (error) {
      return `segment ${info.id} is listed and not whole: ${String(error)}`
    }
  }
  return null
}

async function firstFault(survival: Survival, syncsNames: boolean): Promise<string | null> {
  const host = memoryHost()
  await publishAll(host, syncsNames, [])
  for (let at = 0; at <= host.disk.changes; at++) {
    const fault = await findFault(at, survival, syncsNames)
    if (fault !== null) return `at change ${at}: ${fault}`
  }
  return null
}

describe('a loss of power at any change while segments are published', () => {
  for (const survival of ['lost', 'kept', 'torn', 'reordered'] satisfies Survival[]) {
    test(`leaves a catalog whose segments are all there and whole (unsynced changes ${survival})`, async () => {
      expect(await firstFault(survival, true)).toBeNull()
    })
  }

  test('the checker is awake: segments whose names were not synced are missed', async () => {
    expect(await firstFault('lost', false)).toMatch(/missing/)
  })
})
