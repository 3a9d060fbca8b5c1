/** Handles that outlive what the store remembers of their series. */
import { expect, it } from 'vitest'
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
