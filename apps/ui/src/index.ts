/** What of the page is plain functions, for its tests. The page itself begins in main.tsx. */
export { locate, type Located } from './locate.ts'
export { parseLength, printLength, stepFor } from './time.ts'
export { printBytes, printLabels, printShort, splitCommon } from './value.ts'
