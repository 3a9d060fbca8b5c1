export { suite as codecs } from './codecs.ts'
export { type Goal, type Report, type Suite } from './suite.ts'
