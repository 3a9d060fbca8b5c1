/** Bounds of collectd's JSON. */
export const COLLECTD_LIMITS = {
  /** Bytes of one body; write_http sends some hundred value lists at a time. */
  bodyBytes: 33_554_432,
} as const
