declare module 'snappyjs' {
  const snappyjs: { uncompress(block: Uint8Array): Uint8Array }
  export default snappyjs
}
