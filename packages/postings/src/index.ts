export { decodePostings, encodePostings, encodeSteps, openPostings, postingsReady, sealPostings } from './encoding.ts'
export { Postings } from './postings.ts'
export { selectPostings, type PostingsSource } from './select.ts'
