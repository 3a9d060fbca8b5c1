export { createKernel, sharedKernel, SHARED_MEMORY_BYTES, type Kernel } from './instance.ts'
export { MODULE_BYTES, type KernelExports } from './generated/module.ts'
export { crc32c } from './crc32c.ts'
export { crc32cPlain } from './plain/crc32c.ts'
