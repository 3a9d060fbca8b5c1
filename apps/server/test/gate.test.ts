import { describe, expect, test } from 'vitest'
import { Gate } from '@tsink/server'

function gate(capacity: number, maxWaiting = 10): Gate {
  return new Gate({ capacity, maxWaiting, message: 'too many', timeoutCode: 'OVERLOADED', timeoutMessage: 'waited too long' })
}

describe('a gate', () => {
  test('lets in what fits, and the rest in the order of its coming', async () => {
    const order: string[] = []
    const own = gate(10)
    const first = own.tryEnter(8)!
    const waiting = ['a', 'b', 'c'].map(async (name) => {
      const release = await own.enter(6, 1_000)
      order.push(name)
      return release
    })
    expect(own.tryEnter(1)).toBe(null)
    expect(own.waiting).toBe(3)
    first()
    for (const one of waiting) (await one)()
    expect(order).toEqual(['a', 'b', 'c'])
    expect(own.inside).toBe(0)
  })

  test('lets in alone what is heavier than itself', async () => {
    const own = gate(10)
    const release = own.tryEnter(100)!
    expect(own.tryEnter(1)).toBe(null)
    release()
    release()
    expect(own.inside).toBe(0)
    expect(own.tryEnter(1)).not.toBe(null)
  })

  test('refuses who waited too long, who finds too many waiting, and who leaves; those behind move up', async () => {
    const own = gate(1, 2)
    const release = own.tryEnter(1)!
    const controller = new AbortController()
    const slow = own.enter(1, 20)
    const leaver = own.enter(1, 10_000, controller.signal)
    await expect(own.enter(1, 20)).rejects.toMatchObject({ code: 'OVERLOADED', message: 'too many' })
    await expect(slow).rejects.toMatchObject({ code: 'OVERLOADED', message: 'waited too long' })
    controller.abort()
    await expect(leaver).rejects.toMatchObject({ code: 'CANCELED' })
    const next = own.enter(1, 1_000)
    release()
    ;(await next)()
    expect(own.refused).toBe(3)
  })
})
