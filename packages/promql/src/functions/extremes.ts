/** The greater and the lesser of two numbers as the reference has them: NaN wins over every number but the infinity that nothing exceeds. */

export function greater(a: number, b: number): number {
  return a === Infinity || b === Infinity ? Infinity : Math.max(a, b)
}

export function lesser(a: number, b: number): number {
  return a === -Infinity || b === -Infinity ? -Infinity : Math.min(a, b)
}
