export { corpus } from './corpus.ts'
export { ModelStore, type ModelStoreOptions } from './model-store.ts'
