/** Fuzzy: how well a text fits what somebody typed, from 0 (not at all) to 1 (it is the same). */

/**
 * Whether the pattern's characters stand in the text in their order, each as early as it can. Runs of characters that stand together count by their
 * square, gaps between them a little against it.
 */
export function subsequence(pattern: string, text: string): number {
  if (pattern === '') return 0
  if (pattern === text) return 1
  let [squares, run, gaps] = [0, 0, 0]
  let at = 0
  for (let i = 0; i < pattern.length; i++) {
    const found = text.indexOf(pattern[i]!, at)
    if (found < 0) return 0
    if (i > 0 && found > at) {
      squares += run * run
      gaps += found - at
      run = 0
    }
    run++
    at = found + 1
  }
  squares += run * run
  return Math.max(Number.MIN_VALUE, (squares - gaps / text.length) / (pattern.length * pattern.length) - 1e-9)
}

/** The share of a common beginning, up to four characters, that Winkler adds. */
const PREFIX_WEIGHT = 0.1
const MAX_PREFIX = 4

/** The Jaro-Winkler similarity of two texts. */
export function jaroWinkler(a: string, b: string): number {
  if (a === b) return 1
  if (a === '' || b === '') return 0
  const reach = Math.max(0, Math.floor(Math.max(a.length, b.length) / 2) - 1)
  const taken = new Uint8Array(b.length)
  const matched: string[] = []
  for (let i = 0; i < a.length; i++) {
    const end = Math.min(b.length, i + reach + 1)
    for (let j = Math.max(0, i - reach); j < end; j++) {
      if (taken[j] === 1 || a[i] !== b[j]) continue
      taken[j] = 1
      matched.push(a[i]!)
      break
    }
  }
  if (matched.length === 0) return 0
  let [transposed, k] = [0, 0]
  for (let j = 0; j < b.length; j++) if (taken[j] === 1 && matched[k++] !== b[j]) transposed++
  const count = matched.length
  const jaro = (count / a.length + count / b.length + (count - transposed / 2) / count) / 3
  let prefix = 0
  while (prefix < MAX_PREFIX && prefix < a.length && a[prefix] === b[prefix]) prefix++
  return jaro + prefix * PREFIX_WEIGHT * (1 - jaro)
}
