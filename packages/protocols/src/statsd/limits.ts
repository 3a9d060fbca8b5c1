/** Bounds of StatsD. */
export const STATSD_LIMITS = {
  /** Bytes of one packet, or of one line over a stream; nothing larger comes over UDP. */
  packetBytes: 65_535,
  /** Series that the aggregator holds at once. */
  series: 100_000,
  /** Observations that are kept of one timer between two flushes, for its quantiles; count and sum know all. */
  observations: 1_000,
  /** Rules of a mapping. */
  rules: 10_000,
  /** Members that are told apart in one set between two flushes; larger sets count as this many. */
  members: 10_000,
} as const
