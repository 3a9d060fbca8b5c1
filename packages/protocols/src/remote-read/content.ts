/** Content types of remote read. */

/** Requests and sampled answers; both are snappy blocks. */
export const REMOTE_READ_CONTENT_TYPE = 'application/x-protobuf'
/** Streamed answers; they are not compressed, since chunks are. */
export const REMOTE_READ_STREAM_CONTENT_TYPE = 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse'
