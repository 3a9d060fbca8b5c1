/**
 * Parameters: what a request asks for, from its URL and its form body alike, whatever its content type says (vmalert posts parameters in the
 * URL of a JSON request). Where both have a name, the body's values come first, as in Prometheus. Wordings of refusals are Prometheus's,
 * because clients show and match them.
 */
import type { FastifyRequest } from 'fastify'
import { TsinkError } from '@tsink/core'
import { MAX_DURATION_MS, parseDuration, parseFloatStrictly } from './duration.ts'

/** The least and the greatest time that clients send for "everything", with their texts. */
export const MIN_TIME_MS = -9_223_309_901_257_974
export const MAX_TIME_MS = 9_223_309_901_257_974
const MIN_TIME_TEXT = '-292273086-05-16T16:47:06Z'
const MAX_TIME_TEXT = '292277025-08-18T07:12:54.999999999Z'

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/

export class Parameters {
  readonly #values = new Map<string, string[]>()

  constructor(query: string, form: string) {
    for (const text of [form, query]) {
      if (text !== '' && !this.#readPlain(text)) this.#read(new URLSearchParams(text))
    }
  }

  /** Reads what nearly every client writes; false, with nothing read, when the standard's rules for damaged texts are needed. */
  #readPlain(text: string): boolean {
    const pairs: [string, string][] = []
    try {
      for (const part of text.split('&')) {
        if (part === '') continue
        const equal = part.indexOf('=')
        if (equal < 0) pairs.push([decode(part), ''])
        else pairs.push([decode(part.slice(0, equal)), decode(part.slice(equal + 1))])
      }
    } catch {
      return false
    }
    this.#read(pairs)
    return true
  }

  #read(pairs: Iterable<readonly [string, string]>): void {
    for (const [name, value] of pairs) {
      const known = this.#values.get(name)
      if (known === undefined) this.#values.set(name, [value])
      else known.push(value)
    }
  }

  /** The first value of a name, or '' when there is none. */
  get(name: string): string {
    return this.#values.get(name)?.[0] ?? ''
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  /** A time in milliseconds. @throws TsinkError BAD_REQUEST also when it is missing and there is no default. */
  time(name: string): number
  time<D>(name: string, otherwise: D): number | D
  time<D>(name: string, ...otherwise: [] | [D]): number | D {
    const text = this.get(name)
    if (text === '' && otherwise.length === 1) return otherwise[0]
    const time = parseTime(text)
    if (time !== null) return time
    const reason = `cannot parse ${JSON.stringify(text)} to a valid timestamp`
    throw invalid(name, otherwise.length === 1 ? `invalid time value for '${name}': ${reason}` : reason)
  }

  /** A duration in milliseconds. @throws TsinkError BAD_REQUEST when it is missing or none. */
  duration(name: string): number {
    return durationOf(this.get(name), (reason) => invalid(name, reason))
  }

  /** How many results are wanted; 0 for all. */
  limit(name = 'limit'): number {
    const text = this.get(name)
    if (text === '') return 0
    if (!/^[+-]?\d+$/.test(text)) throw invalid(name, `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
    const limit = Number(text)
    if (!Number.isSafeInteger(limit)) throw invalid(name, `strconv.Atoi: parsing ${JSON.stringify(text)}: value out of range`)
    if (limit < 0) throw invalid(name, 'limit must be non-negative')
    return limit
  }
}

/** @throws URIError when what stands behind a `%` is damaged or not UTF-8. */
function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  return spaced.includes('%') ? decodeURIComponent(spaced) : spaced
}

/** The parameters of a request. Its body, when there is one, is read as a form. */
export function parametersOf(request: FastifyRequest): Parameters {
  const url = request.raw.url ?? ''
  const mark = url.indexOf('?')
  const body = request.body
  return new Parameters(mark < 0 ? '' : url.slice(mark + 1), body instanceof Uint8Array ? new TextDecoder().decode(body) : '')
}

/** Unix seconds (rounded to milliseconds) or RFC 3339, in milliseconds; null when the text is neither. */
export function parseTime(text: string): number | null {
  const seconds = parseFloatStrictly(text)
  if (seconds !== null) {
    // The part behind the point is rounded by itself, as the reference does it, so that both name the same millisecond.
    const whole = Math.trunc(seconds)
    const rest = (seconds - whole) * 1_000
    return clampTime(whole * 1_000 + Math.sign(rest) * Math.round(Math.abs(rest)))
  }
  if (text === MIN_TIME_TEXT) return MIN_TIME_MS
  if (text === MAX_TIME_TEXT) return MAX_TIME_MS
  const match = RFC3339.exec(text)
  if (match === null) return null
  const [, year, month, day, hour, minute, second, fraction, zone] = match
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
  const date = new Date(ms)
  // The calendar takes 30 February as 1 March; a time that does not come back as it was written does not exist.
  if (date.getUTCMonth() + 1 !== Number(month) || date.getUTCDate() !== Number(day)) return null
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null
  let offset = 0
  if (zone !== 'Z') {
    const [hours, minutes] = [Number(zone!.slice(1, 3)), Number(zone!.slice(4))]
    if (hours > 23 || minutes > 59) return null
    offset = (zone![0] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000
  }
  return ms - offset + Math.floor(Number(`0.${fraction ?? 0}`) * 1_000)
}

/** A duration parameter in milliseconds: float seconds or `1h30m`. `refuse` makes the error from the reason. */
export function durationOf(text: string, refuse: (reason: string) => TsinkError): number {
  const seconds = /^[+-]?(nan|inf|infinity)$/i.test(text) ? Infinity : parseFloatStrictly(text)
  const reason = `cannot parse ${JSON.stringify(text)} to a valid duration`
  if (seconds !== null) {
    const ms = seconds * 1_000
    if (!(Math.abs(ms) <= MAX_DURATION_MS)) throw refuse(`${reason}. It overflows int64`)
    return ms
  }
  const ms = parseDuration(text)
  if (ms === null) throw refuse(reason)
  return ms
}

/** The refusal of one parameter. */
export function invalid(name: string, reason: string): TsinkError {
  return new TsinkError('BAD_REQUEST', `invalid parameter "${name}": ${reason}`, { detail: { parameter: name } })
}

function clampTime(ms: number): number {
  return Math.max(MIN_TIME_MS, Math.min(MAX_TIME_MS, ms))
}
