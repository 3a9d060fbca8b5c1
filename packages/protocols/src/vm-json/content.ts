/** Content type of JSON lines. */
export const VM_JSON_CONTENT_TYPE = 'application/stream+json'
