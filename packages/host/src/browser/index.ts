export { OpfsDisk } from './disk.ts'
export { browserHost } from './host.ts'
export { systemClock } from '../clock.ts'
export { portableCompression, systemCompression } from '../compression.ts'
