export { buildProgram } from './program.ts'
export type { Target } from './target.ts'
export { Exit, exitStatusOf } from './failure.ts'
export { printTable } from './table.ts'
