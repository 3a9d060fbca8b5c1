/** Precisions of timestamps, by the names that the versions of the API use. */

/** Nanoseconds in one unit of a timestamp; 'auto' judges each timestamp by its size. */
export type InfluxPrecision = 'ns' | 'us' | 'ms' | 's' | 'm' | 'h' | 'auto'

const NAMES: Readonly<Record<string, InfluxPrecision>> = {
  '': 'ns',
  n: 'ns',
  ns: 'ns',
  nanosecond: 'ns',
  u: 'us',
  us: 'us',
  µ: 'us',
  µs: 'us',
  microsecond: 'us',
  ms: 'ms',
  millisecond: 'ms',
  s: 's',
  second: 's',
  m: 'm',
  h: 'h',
  auto: 'auto',
}

/** The precision that a parameter names (v1, v2 and v3 names alike), or null. */
export function influxPrecision(parameter: string | undefined): InfluxPrecision | null {
  return NAMES[parameter ?? ''] ?? null
}

/** The version that we say we are: clients want one from 1.x on. */
export const INFLUX_VERSION = '1.8.10'
