/** A process for the kill test: appends to the log of the directory that it is given, and prints each sequence once its commit has resolved. */
import { nodeHost } from '@tsink/host/node'
import { Log } from '@tsink/wal'
import { writeSync } from 'node:fs'
import { payloadOf } from './crash.ts'

const host = nodeHost(process.argv[2]!)
await host.disk.lock('lock')
let sequence = 0
const { log } = await Log.open(host.disk, 'log', { clock: host.clock, fileBytes: 4_000, reserveBytes: 1_000 }, (record) => {
  sequence = record.sequence
})
for (;;) {
  const first = sequence + 1
  for (let i = 0; i < 5; i++) log.append(1, ++sequence, payloadOf(sequence))
  await log.commit()
  for (let acknowledged = first; acknowledged <= sequence; acknowledged++) writeSync(1, `${acknowledged}\n`)
}
