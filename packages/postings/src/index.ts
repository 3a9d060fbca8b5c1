export { decodePostings, encodePostings, openPostings, postingsReady, sealPostings } from './encoding.ts'
export { Postings } from './postings.ts'
export { selectPostings, type PostingsSource } from './select.ts'
