/** The one function of snappyjs that the benches call; the package comes without types. */
declare module 'snappyjs' {
  const snappyjs: { uncompress(block: Uint8Array): Uint8Array }
  export default snappyjs
}
