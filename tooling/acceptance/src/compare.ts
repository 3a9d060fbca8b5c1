/**
 * Two servers' answers to one query over the same time, compared as the field's conformance tests do: series in any order, values within a
 * relative tolerance, NaN equal to NaN.
 */

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly (readonly [seconds: number, value: string])[]
}

/** Rounding differs in the last bits where sums are built in another order. */
const TOLERANCE = 1e-9

/** What differs, in a few lines; empty when the answers agree. */
export function differences(theirs: readonly Series[], ours: readonly Series[]): string[] {
  const found: string[] = []
  const left = new Map(theirs.map((series) => [nameOf(series), series]))
  const right = new Map(ours.map((series) => [nameOf(series), series]))
  for (const name of left.keys()) if (!right.has(name)) found.push(`we lack ${name}`)
  for (const name of right.keys()) if (!left.has(name)) found.push(`only we have ${name}`)
  for (const [name, series] of left) {
    const other = right.get(name)
    if (other === undefined) continue
    const difference = firstDifference(series, other)
    if (difference !== null) found.push(`${name}: ${difference}`)
  }
  return found
}

function nameOf({ metric }: Series): string {
  return JSON.stringify(Object.entries(metric).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function firstDifference(theirs: Series, ours: Series): string | null {
  if (theirs.values.length !== ours.values.length) return `they have ${theirs.values.length} samples, we have ${ours.values.length}`
  for (const [i, [seconds, value]] of theirs.values.entries()) {
    const [ourSeconds, ourValue] = ours.values[i]!
    if (seconds !== ourSeconds) return `sample ${i} is at ${seconds} there and at ${ourSeconds} here`
    if (!same(value, ourValue)) return `at ${seconds} they have ${value}, we have ${ourValue}`
  }
  return null
}

function same(a: string, b: string): boolean {
  if (a === b) return true
  const [x, y] = [toNumber(a), toNumber(b)]
  if (Number.isNaN(x) && Number.isNaN(y)) return true
  // Of infinities only the same one is equal: the tolerance of an infinity is infinite.
  return Number.isFinite(x) && Number.isFinite(y) && Math.abs(x - y) <= TOLERANCE * Math.max(Math.abs(x), Math.abs(y))
}

function toNumber(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text)
}
