/**
 * Fields of YAML files as zod schemas. Files are read with every scalar as text (see yaml-file.ts), so that a label value `1.10` stays what was
 * written; the schemas here read the text.
 */
import * as z from 'zod'
import { parseDuration } from './duration.ts'

/** Fields by name. */
export type Shape = Readonly<Record<string, z.ZodType>>

/** A map with known fields, each optional unless it is in `required`, with their names in our spelling. */
export function section<T>(
  shape: Shape,
  required: readonly string[] = [],
  complete: (given: Partial<T> & Record<string, unknown>, context: z.core.$RefinementCtx) => unknown = (given) => given,
): z.ZodType<T, unknown> {
  const fields = Object.fromEntries(Object.entries(shape).map(([name, type]) => [name, required.includes(name) ? type : type.optional()]))
  return z.preprocess(
    (value) => (value === '' ? {} : value),
    z.strictObject(fields).transform((given, context) => complete(camelKeys(given) as never, context as never)),
  ) as unknown as z.ZodType<T, unknown>
}

function camelKeys(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const camel: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) camel[name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())] = value
  }
  return camel
}

/** A list; nothing at all is an empty one. */
export function list<T>(item: z.ZodType<T, unknown>): z.ZodType<readonly T[], unknown> {
  return z.preprocess((value) => (value === '' ? [] : value), z.array(item)) as unknown as z.ZodType<readonly T[], unknown>
}

/** A map with any names. */
export function record<T>(value: z.ZodType<T, unknown>): z.ZodType<Readonly<Record<string, T>>, unknown> {
  return z.preprocess((given) => (given === '' ? {} : given), z.record(z.string(), value)) as unknown as z.ZodType<
    Readonly<Record<string, T>>,
    unknown
  >
}

/** One of a few words. */
export function choice<const T extends readonly string[]>(values: T): z.ZodType<T[number], unknown> {
  return read((value) => values.find((known) => known === value) ?? null, `one of ${values.join(', ')}`)
}

/** A value that is read from its text; `parse` answers null when it is none. */
export function read<T>(parse: (value: string) => T | null, expected: string): z.ZodType<T, unknown> {
  return z.string().transform((value, context) => {
    const parsed = parse(value)
    if (parsed !== null) return parsed
    context.addIssue({ code: 'custom', message: `: ${JSON.stringify(value)} is not ${expected}` })
    return z.NEVER
  })
}

export const text: z.ZodType<string, unknown> = z.string()
export const flag: z.ZodType<boolean, unknown> = read(
  (value) => (value === 'true' ? true : value === 'false' ? false : null),
  'true or false',
)
export const duration: z.ZodType<number, unknown> = read((value) => {
  const ms = parseDuration(value)
  return ms === null || ms <= 0 ? null : ms
}, 'a duration such as 15s or 1m')
export const count: z.ZodType<number, unknown> = read(
  (value) => (/^\d{1,15}$/.test(value) ? Number(value) : null),
  'a whole number, 0 for no limit',
)
