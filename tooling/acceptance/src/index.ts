export { printSeries, unlike, untilSame } from './answer.ts'
export { differences, type Series } from './compare.ts'
export { Suite } from './suite.ts'
