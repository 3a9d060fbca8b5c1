export { corpus } from './corpus.ts'
export { ModelStore, type ModelStoreOptions } from './model-store.ts'
export { selectAll, storeSuite, type TestFramework } from './store-suite.ts'
