/** Content type of lines of JSON, one sample each. */
export const NDJSON_CONTENT_TYPE = 'application/x-ndjson'
