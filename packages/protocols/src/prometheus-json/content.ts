/** Content type of Prometheus's JSON answers. */
export const PROMETHEUS_JSON_CONTENT_TYPE = 'application/json'
