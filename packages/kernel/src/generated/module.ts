// Made by scripts/build-wasm.mjs from assembly/; do not edit.

/** What the WebAssembly module exports. Addresses and sizes are in bytes. */
export interface KernelExports {
  heapBase(): number
  crc32c(address: number, size: number, seed: number): number
  /** Runs the module's own start; called once for an instance. */
  start(): void
}

/** The module's size in bytes. */
export const MODULE_BYTES: number = 605

/** The module as base64. */
export const MODULE_BASE64: string =
  'AGFzbQEAAAABDwNgAABgAAF/YAN/f38BfwIPAQNlbnYGbWVtb3J5AgABAwQDAAECBgYBfwFBAAsHJgQIaGVhcEJhc2UAAQZjcmMzMmMAAgZtZW1vcnkCAAVzdGFydAAACvoDAwIACwYAQYDIAAvtAwEEfyMARQRAA0AgBEGAAkkEQCAEIQNBACEFA0AgBUEISARAQQAgA0EBcWtB+PbYl3hxIANBAXZzIQMgBUEBaiEFDAELCyAEQQJ0QYAIaiADNgIAIARBAWohBAwBCwtBASEDA0AgA0EISQRAQQAhBANAIARBgAJJBEAgBEECdCIGIANBAWtBCnRyQYAIaigCACEFIANBCnQgBnJBgAhqIAVB/wFxQQJ0QYAIaigCACAFQQh2czYCACAEQQFqIQQMAQsLIANBAWohAwwBCwtBASQACyACQX9zIQIgACABaiEEA0AgAEEIaiIBIARNBEAgAEEEaigCACIDQRh2QQJ0QYAIaigCACADQRB2Qf8BcUECdEGACHJBgAhqKAIAIANBCHZB/wFxQQJ0QYAQckGACGooAgAgA0H/AXFBAnRBgBhyQYAIaigCACAAKAIAIAJzIgBBGHZBAnRBgCByQYAIaigCACAAQRB2Qf8BcUECdEGAKHJBgAhqKAIAIABB/wFxQQJ0QYA4ckGACGooAgAgAEEIdkH/AXFBAnRBgDByQYAIaigCAHNzc3Nzc3MhAiABIQAMAQsLA0AgACAESQRAIAIgAC0AAHNB/wFxQQJ0QYAIaigCACACQQh2cyECIABBAWohAAwBCwsgAkF/cws='
