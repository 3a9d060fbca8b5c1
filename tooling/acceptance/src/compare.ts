/**
 * Two servers' answers to one query over the same time, compared as the field's conformance tests do: series in any order, values within a
 * relative tolerance, NaN equal to NaN.
 */

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly values?: readonly (readonly [seconds: number, value: string])[]
  readonly histograms?: readonly (readonly [seconds: number, histogram: ApiHistogram])[]
}

/** A native histogram in the API's form. */
export interface ApiHistogram {
  readonly count: string
  readonly sum: string
  readonly buckets?: readonly (readonly [boundaries: number, lower: string, upper: string, count: string])[]
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
  return (
    sampleDifference(theirs.values ?? [], ours.values ?? [], same) ??
    sampleDifference(theirs.histograms ?? [], ours.histograms ?? [], sameHistogram)
  )
}

function sampleDifference<T>(
  theirs: readonly (readonly [seconds: number, value: T])[],
  ours: readonly (readonly [seconds: number, value: T])[],
  isSame: (a: T, b: T) => boolean,
): string | null {
  if (theirs.length !== ours.length) return `they have ${theirs.length} samples, we have ${ours.length}`
  for (const [i, [seconds, value]] of theirs.entries()) {
    const [ourSeconds, ourValue] = ours[i]!
    if (seconds !== ourSeconds) return `sample ${i} is at ${seconds} there and at ${ourSeconds} here`
    if (!isSame(value, ourValue)) return `at ${seconds} they have ${print(value)}, we have ${print(ourValue)}`
  }
  return null
}

function print(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function sameHistogram(a: ApiHistogram, b: ApiHistogram): boolean {
  const [left, right] = [a.buckets ?? [], b.buckets ?? []]
  if (!same(a.count, b.count) || !same(a.sum, b.sum) || left.length !== right.length) return false
  return left.every(
    (bucket, i) => bucket[0] === right[i]![0] && bucket.slice(1).every((text, j) => same(String(text), String(right[i]![j + 1]))),
  )
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
