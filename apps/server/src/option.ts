/**
 * Option: one setting of the server, and the kinds of values that settings have. A kind is a zod schema that reads the value from its text
 * and says what it expected.
 */
import * as z from 'zod'
import { parseDuration, parseSize } from './duration.ts'

/** One setting: how it is written, what it means, what it is when nobody sets it. */
export interface Option<T> {
  readonly group: string
  readonly value: string
  /** As it is written; null for settings that have none. */
  readonly fallback: string | null
  readonly help: string
  readonly schema: z.ZodType<T, unknown>
}

/** The words for true and false. */
export const YES_NO: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  '1': true,
  false: false,
  no: false,
  off: false,
  '0': false,
}

/** Host and port of `127.0.0.1:9201`, `[::1]:9201` or `:9201` (every interface). */
export function parseAddress(text: string): { readonly host: string; readonly port: number } | null {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text)
  if (match === null) return null
  const port = Number(match[3])
  return port > 65_535 ? null : { host: match[1] ?? (match[2] === '' ? '0.0.0.0' : match[2]!), port }
}

const ADDRESS = read((text) => (parseAddress(text) === null ? null : text), 'an address such as 127.0.0.1:9201')
const SIZE = read(parseSize, 'a size such as 64MiB')

export function optional(group: string, value: string, help: string): Option<string | null> {
  return { group, value, fallback: null, help, schema: read((text) => (text === '' ? null : text), 'a value') }
}

export function address(group: string, fallback: string, help: string): Option<string> {
  return { group, value: 'HOST:PORT', fallback, help, schema: ADDRESS }
}

export function optionalAddress(group: string, help: string): Option<string | null> {
  return { group, value: 'HOST:PORT', fallback: null, help, schema: ADDRESS }
}

export function duration(group: string, fallback: string, help: string): Option<number> {
  return { group, value: 'DURATION', fallback, help, schema: read(parseDuration, 'a duration such as 30s, 5m or 14d') }
}

export function size(group: string, fallback: string, help: string): Option<number> {
  return { group, value: 'SIZE', fallback, help, schema: SIZE }
}

export function optionalSize(group: string, help: string): Option<number | null> {
  return { group, value: 'SIZE', fallback: null, help, schema: SIZE }
}

export function count(group: string, fallback: number, least: number, help: string): Option<number> {
  return { group, value: 'N', fallback: String(fallback), help, schema: whole(least) }
}

export function optionalCount(group: string, help: string): Option<number | null> {
  return { group, value: 'N', fallback: null, help, schema: whole(1) }
}

function whole(least: number): z.ZodType<number, unknown> {
  return read((text) => {
    const value = Number(text)
    return /^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least ? value : null
  }, `a whole number of at least ${least}`)
}

export function boolean(group: string, fallback: boolean, help: string): Option<boolean> {
  const schema = read((text) => (Object.hasOwn(YES_NO, text) ? YES_NO[text]! : null), 'true or false')
  return { group, value: '', fallback: String(fallback), help, schema }
}

export function choice<T extends string>(group: string, values: readonly T[], fallback: T, help: string): Option<T> {
  const schema = read((text) => values.find((value) => value === text) ?? null, `one of ${values.join(', ')}`)
  return { group, value: values.join('|'), fallback, help, schema }
}

export function list(group: string, values: readonly string[], help: string): Option<readonly string[]> {
  const schema = read(
    (text) => {
      const chosen = splitWords(text)
      return chosen.every((word) => values.includes(word)) ? chosen : null
    },
    `a list of ${values.join(', ')}`,
  )
  return { group, value: 'NAMES', fallback: '', help: `${help} Known: ${values.map((value) => `\`${value}\``).join(', ')}.`, schema }
}

export function words(group: string, help: string, separator = ','): Option<readonly string[]> {
  const schema = read((text) => splitWords(text, separator), 'a list')
  return { group, value: 'NAMES', fallback: '', help, schema }
}

export function pattern(group: string, fallback: string, help: string): Option<string> {
  const schema = read((text) => {
    try {
      new RegExp(text)
      return text
    } catch {
      return null
    }
  }, 'a regular expression')
  return { group, value: 'REGEX', fallback, help, schema }
}

/** A schema that reads a value from its text, and says what is expected where it cannot. */
function read<T>(parse: (text: string) => T | null, expected: string): z.ZodType<T, unknown> {
  return z.string().transform((text, context) => {
    const value = parse(text)
    if (value !== null) return value
    context.addIssue({ code: 'custom', message: `is not ${expected}` })
    return z.NEVER
  })
}

function splitWords(text: string, separator = ','): string[] {
  return text
    .split(separator)
    .map((word) => word.trim())
    .filter((word) => word !== '')
}
