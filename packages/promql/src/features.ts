/** The switches of the language: what Prometheus hides behind feature flags. */

export interface ParserOptions {
  /** Functions and aggregations that may still change: `info()`, `limitk()` and others. */
  readonly experimentalFunctions?: boolean
  /** `anchored` and `smoothed`. */
  readonly extendedRangeSelectors?: boolean
  /** `fill()`, `fill_left()` and `fill_right()`. */
  readonly fillModifiers?: boolean
  /** Arithmetic in durations. On unless it is switched off. */
  readonly durationExpressions?: boolean
}

/** Everything on, as in Prometheus's own tests. */
export const ALL_FEATURES: Required<ParserOptions> = {
  experimentalFunctions: true,
  extendedRangeSelectors: true,
  fillModifiers: true,
  durationExpressions: true,
}
