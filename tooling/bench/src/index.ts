export { suite as codecs } from './codecs.ts'
export { suite as engine } from './engine.ts'
export { suite as promql } from './promql.ts'
export { type Goal, type Report, type Suite } from './suite.ts'
