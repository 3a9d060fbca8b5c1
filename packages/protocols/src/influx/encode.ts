/** Points as lines: for those who write to an InfluxDB. */

export type InfluxValue =
  | { readonly float: number }
  /** A 64-bit integer as a bigint or its digits. */
  | { readonly int: bigint | string }
  | { readonly uint: bigint | string }
  | { readonly bool: boolean }
  | { readonly string: string }

export interface InfluxPoint {
  readonly measurement: string
  /** In the order in which they are written; sorted keys are what servers like best. */
  readonly tags: readonly (readonly [string, string])[]
  readonly fields: readonly (readonly [string, InfluxValue])[]
  /** In the precision of the request; left out: the server's time. */
  readonly time?: bigint
}

/**
 * One line, without a line break.
 * @throws RangeError for what a line cannot say: empty names, no fields, NaN and infinities, control characters, a backslash at an end.
 */
export function encodeLine(point: InfluxPoint): string {
  let line = escapedName(point.measurement, /[, ]/g, 'measurement')
  for (const [key, value] of point.tags) line += `,${escapedName(key, SPECIAL, 'tag key')}=${escapedName(value, SPECIAL, 'tag value')}`
  if (point.fields.length === 0) throw new RangeError('a point needs a field')
  let separator = ' '
  for (const [key, value] of point.fields) {
    line += `${separator}${escapedName(key, SPECIAL, 'field key')}=${encodeValue(value)}`
    separator = ','
  }
  return point.time === undefined ? line : `${line} ${point.time}`
}

const SPECIAL = /[, =]/g
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/

function escapedName(name: string, special: RegExp, what: string): string {
  if (name === '') throw new RangeError(`the ${what} is empty`)
  if (CONTROL.test(name)) throw new RangeError(`the ${what} ${JSON.stringify(name)} has control characters`)
  if (!name.isWellFormed()) throw new RangeError(`the ${what} is not valid Unicode`)
  if (name.endsWith('\\')) throw new RangeError(`the ${what} ${JSON.stringify(name)} ends with a backslash`)
  if (what === 'measurement' && name.startsWith('#')) throw new RangeError('a measurement cannot begin with #')
  return name.replace(special, '\\$&')
}

function encodeValue(value: InfluxValue): string {
  if ('float' in value) {
    if (!Number.isFinite(value.float)) throw new RangeError(`a float of ${value.float} cannot be written`)
    return String(value.float)
  }
  if ('int' in value) return `${value.int}i`
  if ('uint' in value) return `${value.uint}u`
  if ('bool' in value) return value.bool ? 'true' : 'false'
  return `"${value.string.replace(/["\\]/g, '\\$&')}"`
}
