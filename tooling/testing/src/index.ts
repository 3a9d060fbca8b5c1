export { corpus } from './corpus.ts'
