/** What a stream of Arrow record batches is called. */
export const ARROW_CONTENT_TYPE = 'application/vnd.apache.arrow.stream'
