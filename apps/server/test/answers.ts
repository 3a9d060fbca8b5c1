/** Compares answers with recorded ones: JSON of any shape, vectors and matrices in any order, numbers within rounding. */

/** What differs first, as a path and both values; null when the answers agree. */
export function difference(want: unknown, got: unknown, ignored: readonly string[] = [], path = ''): string | null {
  if (ignored.includes(path)) return null
  if (typeof want === 'string' && typeof got === 'string')
    return sameText(want, got) ? null : `${path}: want ${show(want)}, got ${show(got)}`
  if (typeof want === 'number' && typeof got === 'number') return close(want, got) ? null : `${path}: want ${want}, got ${got}`
  if (Array.isArray(want) && Array.isArray(got)) {
    if (want.length !== got.length) return `${path}: want ${want.length} elements, got ${got.length}: ${show(want)} / ${show(got)}`
    const [left, right] = [ordered(want), ordered(got)]
    for (let i = 0; i < left.length; i++) {
      const found = difference(left[i], right[i], ignored, `${path}[${i}]`)
      if (found !== null) return found
    }
    return null
  }
  if (isObject(want) && isObject(got)) {
    for (const key of new Set([...Object.keys(want), ...Object.keys(got)])) {
      const inner = path === '' ? key : `${path}.${key}`
      if (ignored.includes(inner)) continue
      if (!(key in got)) return `${inner}: missing, want ${show(want[key])}`
      if (!(key in want)) return `${inner}: unexpected ${show(got[key])}`
      const found = difference(want[key], got[key], ignored, inner)
      if (found !== null) return found
    }
    return null
  }
  return want === got ? null : `${path}: want ${show(want)}, got ${show(got)}`
}

/** Rounding of the last bits, as engines that sum in another order have it. */
const TOLERANCE = 1e-12

function sameText(want: string, got: string): boolean {
  if (want === got) return true
  const [x, y] = [Number(want), Number(got)]
  return want.trim() !== '' && got.trim() !== '' && !Number.isNaN(x) && !Number.isNaN(y) && close(x, y)
}

function close(a: number, b: number): boolean {
  return a === b || (Number.isFinite(a) && Number.isFinite(b) && Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b)))
}

/** Elements with labels of their own come in no promised order. */
function ordered(list: readonly unknown[]): readonly unknown[] {
  const keys = list.map((element) => (isObject(element) ? (element['metric'] ?? element['seriesLabels']) : undefined))
  if (keys.includes(undefined)) return list
  const texts = new Map(list.map((element, i) => [element, labelText(keys[i] as object)]))
  return list.toSorted((a, b) => (texts.get(a)! < texts.get(b)! ? -1 : 1))
}

function labelText(labels: object): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 240 ? `${text.slice(0, 240)}...` : text
}
