import { memoryHost } from '@tsink/host/memory'
import { goldenBytes } from '@tsink/testing'
import { Log } from '@tsink/wal'
import { describe, expect, test } from 'vitest'

describe('the format of the log, version 1', () => {
  test('is written to the byte as it was when it was frozen, and read', async () => {
    const host = memoryHost()
    const options = { clock: host.clock, fileBytes: 200, reserveBytes: 0 }
    const { log } = await Log.open(host.disk, 'log', options, () => undefined)
    log.append(1, 1, new TextEncoder().encode('first'))
    await log.commit()
    log.append(2, 2 ** 52 + 3, new Uint8Array(0))
    await log.rotate()
    log.append(255, 2 ** 52 + 4, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]))
    await log.close()
    for (const number of [1, 2]) {
      const made = host.disk.peek(`log/00000000000${number}.log`)
      const frozen = goldenBytes(new URL(`golden/log-v1-${number}.hex`, import.meta.url), made)
      expect(made.toHex()).toBe(frozen.toHex())
      host.disk.poke(`log/00000000000${number}.log`, frozen)
    }
    const read: unknown[] = []
    await Log.open(host.disk, 'log', options, ({ type, sequence, payload, position }) =>
      read.push([type, sequence, payload.toHex(), position]),
    )
    expect(read).toEqual([
      [1, 1, '6669727374', { file: 1, offset: 80 }],
      [2, 2 ** 52 + 3, '', { file: 1, offset: 160 }],
      [255, 2 ** 52 + 4, '0102030405060708', { file: 2, offset: 80 }],
    ])
  })
})
