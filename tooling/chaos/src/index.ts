export { runRounds, type ChaosOptions, type RoundReport } from './rounds.ts'
export { LoopDisk } from './loop-disk.ts'
export { Ledger, valueOf, type Loss } from './ledger.ts'
export { seeded, type Random } from './random.ts'
