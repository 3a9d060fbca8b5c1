/** A process for the lock's test: takes the lock of the directory that it is given, says so, and holds it until it is killed. */
import { nodeHost } from '@tsink/host/node'

await nodeHost(process.argv[2]!).disk.lock('lock')
process.stdout.write('held\n')
setInterval(() => undefined, 60_000)
