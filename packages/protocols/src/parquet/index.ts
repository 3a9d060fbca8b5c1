export { ParquetEncoder } from './encode.ts'
export { PARQUET_CONTENT_TYPE } from './content.ts'
export { PARQUET_LIMITS } from './limits.ts'
