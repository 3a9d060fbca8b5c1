export { Engine } from './engine.ts'
export type { OpenReport } from './open.ts'
export type { EngineOptions, RetentionRule } from './options.ts'
