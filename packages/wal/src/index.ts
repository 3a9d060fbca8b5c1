export { Log, type LogOptions, type LogRecord, type SyncMode } from './log.ts'
export { comparePositions, START, type Position } from './position.ts'
export { MAX_PAYLOAD_BYTES } from './record.ts'
export type { Damage, ReplayProgress, ReplayReport } from './replay.ts'
