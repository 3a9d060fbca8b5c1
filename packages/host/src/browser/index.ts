export { systemClock } from '../clock.ts'
export { portableCompression, systemCompression } from '../compression.ts'
