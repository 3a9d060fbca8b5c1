/** Bounds of protobuf expositions. */
export const PROMETHEUS_PROTOBUF_LIMITS = {
  /** Bytes of one body, decompressed; as for the text format, of which it is about half. */
  bodyBytes: 67_108_864,
} as const
