/**
 * Operators on two numbers. Each gives a plain function, so that a loop over steps calls one known function and nothing else.
 */
import { TsinkError } from '@tsink/core'
import { greater, lesser } from '../functions/extremes.ts'

export type Operation = (left: number, right: number) => number

/** A comparison of two numbers. */
export type Comparison = (left: number, right: number) => boolean

const arithmetic: Readonly<Record<string, Operation>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
  '^': power,
  atan2: Math.atan2,
}

const comparisons: Readonly<Record<string, Comparison>> = {
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '>': (left, right) => left > right,
  '<': (left, right) => left < right,
  '>=': (left, right) => left >= right,
  '<=': (left, right) => left <= right,
}

/** The arithmetic of an operator, or null when it is none of that. */
export function arithmeticOf(op: string): Operation | null {
  return arithmetic[op] ?? null
}

/** The comparison of an operator, or null when it is none. */
export function comparisonOf(op: string): Comparison | null {
  return comparisons[op] ?? null
}

/** An operator between scalars; comparisons give 0 or 1. */
export function scalarOperation(op: string): Operation {
  if (op === 'min_of') return lesser
  if (op === 'max_of') return greater
  const operation = arithmetic[op]
  if (operation !== undefined) return operation
  const comparison = comparisons[op]
  if (comparison !== undefined) return (left, right) => (comparison(left, right) ? 1 : 0)
  throw new TsinkError('EXECUTION', `operator "${op}" not allowed for Scalar operations`)
}

/** IEEE 754 pow: 1 to any power and anything to the power 0 is 1, also with NaN, where JavaScript says NaN. */
function power(base: number, exponent: number): number {
  if (base === 1 || exponent === 0) return 1
  if (base === -1 && (exponent === Infinity || exponent === -Infinity)) return 1
  return base ** exponent
}
