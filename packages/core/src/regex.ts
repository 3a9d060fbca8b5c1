/**
 * Regular expressions over label values: RE2 syntax, linear time, anchored at both ends, the dot matching every character.
 *
 * Most expressions that people write are a literal, a few alternatives or a prefix. Those are recognised and never reach the engine; and
 * stores ask for {@link LabelRegex.literals} and {@link LabelRegex.prefix} to turn a scan of all values into lookups.
 */
import { RE2JS } from 're2js'
import { TsinkError } from './errors.ts'
import { LIMITS } from './limits.ts'

/** A compiled, anchored expression. */
export interface LabelRegex {
  readonly source: string
  /** Whether the whole value matches. */
  test(value: string): boolean
  /** The complete set of matching values when it is finite and small, else null. */
  readonly literals: readonly string[] | null
  /** A text that every matching value starts with; '' when there is none. */
  readonly prefix: string
}

/** At most so many alternatives count as a small finite set. */
const MAX_LITERALS = 256

/** Compiled expressions are kept, since dashboards send the same few again and again. */
const CACHE_SIZE = 512
const cache = new Map<string, LabelRegex>()

/**
 * Compiles an expression for label values.
 * @throws TsinkError BAD_REGEX with the engine's reason.
 */
export function compileRegex(source: string): LabelRegex {
  const known = cache.get(source)
  if (known !== undefined) return known
  const regex = recognise(source) ?? compile(source)
  if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value!)
  cache.set(source, regex)
  return regex
}

/** Characters that make an expression more than a literal. */
const META = /[\\.+*?()|[\]{}^$]/

function recognise(source: string): LabelRegex | null {
  const alternatives = alternativesOf(source)
  if (alternatives !== null) {
    const set = new Set(alternatives)
    const literals = set.size <= MAX_LITERALS ? [...set] : null
    return { source, test: (value) => set.has(value), literals, prefix: commonPrefix(alternatives) }
  }
  if (source === '.*') return { source, test: () => true, literals: null, prefix: '' }
  if (source === '.+') return { source, test: (value) => value !== '', literals: null, prefix: '' }
  const tail = source.slice(-2)
  if (tail === '.*' || tail === '.+') {
    const prefix = source.slice(0, -2)
    if (META.test(prefix)) return null
    const atLeast = prefix.length + (tail === '.+' ? 1 : 0)
    return { source, test: (value) => value.length >= atLeast && value.startsWith(prefix), literals: null, prefix }
  }
  const head = source.slice(0, 2)
  if ((head === '.*' || head === '.+') && !META.test(source.slice(2))) {
    const suffix = source.slice(2)
    const atLeast = suffix.length + (head === '.+' ? 1 : 0)
    return { source, test: (value) => value.length >= atLeast && value.endsWith(suffix), literals: null, prefix: '' }
  }
  return null
}

/** The alternatives of `a|b|c` or `(a|b|c)` or `x(a|b)y` when everything is literal, else null. */
function alternativesOf(source: string): string[] | null {
  if (!META.test(source)) return [source]
  const group = /^([^\\.+*?()|[\]{}^$]*)\((?:\?:)?([^\\.+*?()[\]{}^$]*)\)([^\\.+*?()|[\]{}^$]*)$/.exec(source)
  const [before, inner, after] = group === null ? ['', source, ''] : [group[1]!, group[2]!, group[3]!]
  if (/[\\.+*?()[\]{}^$]/.test(inner)) return null
  return inner.split('|').map((alternative) => before + alternative + after)
}

function compile(source: string): LabelRegex {
  const engine = compileEngine(source)
  const prefix = literalPrefix(source)
  return { source, test: (value) => value.startsWith(prefix) && engine.matches(value), literals: null, prefix }
}

/**
 * The engine itself, for what needs groups; `matches` anchors at both ends. Of this package only.
 * @throws TsinkError BAD_REGEX
 */
export function compileEngine(source: string): RE2JS {
  if (source.length > LIMITS.regexLength) {
    const message = `the regular expression has ${source.length} characters; at most ${LIMITS.regexLength} are allowed`
    throw new TsinkError('BAD_REGEX', message, { detail: { limit: LIMITS.regexLength } })
  }
  try {
    // DOTALL: a label value may hold a newline, and PromQL's dot matches it.
    return RE2JS.compile(source, RE2JS.DOTALL)
  } catch (cause) {
    throw new TsinkError('BAD_REGEX', reasonOf(cause), { cause, detail: { regex: source } })
  }
}

/** The engine's reason in the words of RE2: without the flag that was added in front, and with the empty rest behind a trailing backslash. */
function reasonOf(cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return reason.endsWith('trailing backslash at end of expression') ? `${reason}: \`\`` : reason.replace('`(?s)', '`')
}

/** The literal text before the first special character, unless an alternative or a repetition makes it optional. */
function literalPrefix(source: string): string {
  if (source.includes('|') || source.includes('(?')) return ''
  const at = source.search(META)
  if (at <= 0) return ''
  const optional = source[at] === '*' || source[at] === '?' || source[at] === '{'
  const prefix = source.slice(0, optional ? at - 1 : at)
  // Half of a surrogate pair is no character: what repeats is the pair.
  return optional && /[\ud800-\udbff]$/.test(prefix) ? prefix.slice(0, -1) : prefix
}

function commonPrefix(texts: readonly string[]): string {
  let prefix = texts[0] ?? ''
  for (const text of texts) {
    let shared = 0
    while (shared < prefix.length && prefix[shared] === text[shared]) shared++
    prefix = prefix.slice(0, shared)
  }
  return prefix
}
