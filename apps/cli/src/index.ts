export { buildProgram, type Target } from './program.ts'
export { Exit, exitStatusOf } from './failure.ts'
export { printTable } from './table.ts'
