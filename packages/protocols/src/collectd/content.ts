/** Content type of collectd's write_http with `Format "JSON"`. */
export const COLLECTD_CONTENT_TYPE = 'application/json'
