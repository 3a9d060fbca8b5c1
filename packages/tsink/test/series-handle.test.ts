/** Handles that outlive what the store remembers of their series. */
import { expect, it } from 'vitest'
import { memoryHost } from '@tsink/host/memory'
import { open } from 'tsink'

for (const worker of [false, true]) {
  it(
    `a handle writes for ever, however often its series leaves memory (${worker ? 'in a thread' : 'inline'})`,
    { timeout: 60_000 },
    async () => {
      const db = worker ? await open({ worker, background: false }) : await open({ background: false })
      const handles = Array.from({ length: 20 }, (_, i) => db.series('load', { host: String(i) }))
      const text = db.series('note', { host: '0' }, 'string')
      const rounds = 8
      let removed = 0
      for (let round = 0; round < rounds; round++) {
        for (const handle of handles) handle.append(1_000 * round, round)
        text.append(1_000 * round, `round ${round}`)
        expect(await db.flush()).toMatchObject({ accepted: round === 0 ? 21 : 51, rejected: 0 })
        await db.checkpoint()
        const { series, counters } = await Promise.resolve(db.stats())
        expect([series, counters.removedSeries]).toEqual([0, removed + 21])
        // Others take their places: a number that was given once must never be another series'.
        for (let i = 0; i < 30; i++) db.series('other', { i: String(round * 30 + i) }).append(5, 1)
        await db.checkpoint()
        removed += 21 + 30
      }
      const points = await db.selectColumns({ metric: 'load' })
      expect(points).toHaveLength(20)
      for (const { timestamps } of points) expect([...timestamps]).toEqual(Array.from({ length: rounds }, (_, i) => 1_000 * i))
      expect((await db.selectColumns({ metric: 'note' }))[0]!.values).toEqual(Array.from({ length: rounds }, (_, i) => `round ${i}`))
      await db.close()
    },
  )
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A database without room for more, with two heads that wait for the disk, which begins no file of samples before it is told to. */
async function crowded() {
  const host = memoryHost()
  const gates: (() => void)[] = []
  const disk = new Proxy(host.disk, {
    get(target, name) {
      if (name === 'open')
        return async (path: string, mode: 'create') => {
          if (path.startsWith('segments/') && mode === 'create') await new Promise<void>((resolve) => gates.push(resolve))
          return target.open(path, mode)
        }
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  const db = await open({ host: { ...host, disk }, memoryLimit: '3MiB', sync: 'none', partition: '10000d' })
  const filler = db.series('filler')
  let time = 0
  // Each delete freezes what is there.
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 30_000; i++) filler.append(++time, Math.random())
    await db.delete('filler', { start: 0, end: time })
  }
  const fillUp = (): void => {
    for (;;) filler.append(++time, Math.random())
  }
  expect(fillUp).toThrow(expect.objectContaining({ kind: 'limited' }))
  await turns()
  return { host, db, goOn: (): void => gates.splice(0).forEach((start) => start()) }
}

it('what was taken first stays first, also while it waits for room', { timeout: 20_000 }, async () => {
  const { db, goOn } = await crowded()
  const handle = db.series('m')
  // This one comes to wait for room. There is some when the first head has gone, while the flush goes on.
  handle.append(5, 1)
  await turns()
  goOn()
  await turns()
  expect(db.stats().head.frozen).toBe(1)
  // As many as are kept back at most; one more would hand them over, past the one that waits.
  for (let i = 0; i < 4_096; i++) handle.append(5, 2 + i)
  expect(() => handle.append(6, 0)).toThrow(expect.objectContaining({ kind: 'limited' }))
  const going = setInterval(goOn, 1)
  await db.flush()
  handle.append(6, 0)
  expect((await db.selectColumns('m'))[0]!.values).toEqual(Float64Array.of(4_097, 0))
  await db.close()
  clearInterval(going)
})

it('closing waits for what waits for room', { timeout: 20_000 }, async () => {
  const { host, db, goOn } = await crowded()
  db.series('m').append(5, 1)
  await turns()
  const going = setInterval(goOn, 1)
  await db.close()
  clearInterval(going)
  const again = await open({ host, sync: 'none' })
  expect((await again.selectColumns('m')).map(({ values }) => [...(values as Float64Array)])).toEqual([[1]])
  await again.close()
})
