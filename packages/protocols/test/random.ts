/** Numbers that a seed decides, for tests of mutated bodies. */

/** The next number in [0, 1). */
export type Random = () => number

export function random(seed: number): Random {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

export function pick<T>(next: Random, from: readonly T[]): T {
  return from[Math.floor(next() * from.length)]!
}
