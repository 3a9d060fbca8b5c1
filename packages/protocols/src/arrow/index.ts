export { ArrowEncoder } from './encode.ts'
export { ARROW_CONTENT_TYPE } from './content.ts'
export { ARROW_LIMITS } from './limits.ts'
