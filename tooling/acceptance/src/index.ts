export { differences, type Series } from './compare.ts'
export { Suite } from './suite.ts'
