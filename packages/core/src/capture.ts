/**
 * Captures: what the groups of an anchored expression matched, to be filled into templates such as `${1}-$name`. Relabelling and
 * `label_replace` are made of it. Syntax and limits of expressions are those of {@link compileRegex}.
 */
import type { RE2JS } from 're2js'
import { compileEngine } from './regex.ts'

/** A compiled, anchored expression with groups. */
export interface CapturingRegex {
  readonly source: string
  /** The groups of a value that matches as a whole, else null. */
  match(value: string): Captures | null
}

export interface Captures {
  /**
   * The template with `$1`, `${1}`, `$name`, `${name}` and `$$` replaced, as Go expands them: `$1x` is the group called "1x", an unknown
   * group gives nothing, and a `$` that starts no reference stays.
   */
  expand(template: string): string
}

/**
 * Compiles an expression for label values.
 * @throws TsinkError BAD_REGEX with the engine's reason.
 */
export function compileCapturing(source: string): CapturingRegex {
  const engine = compileEngine(source)
  return {
    source,
    match: (value) => {
      const matcher = engine.matcher(value)
      return matcher.matches() ? { expand: (template) => expand(template, engine, matcher) } : null
    },
  }
}

interface Match {
  group(index: number): string | null
  groupCount(): number
}

function expand(template: string, regex: RE2JS, match: Match): string {
  let out = ''
  let at = 0
  while (at < template.length) {
    const dollar = template.indexOf('$', at)
    if (dollar < 0) return out + template.slice(at)
    out += template.slice(at, dollar)
    if (template[dollar + 1] === '$') {
      out += '$'
      at = dollar + 2
      continue
    }
    const reference = /^\$(?:\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/u.exec(template.slice(dollar))
    if (reference === null) {
      out += '$'
      at = dollar + 1
      continue
    }
    out += groupOf(reference[1] ?? reference[2]!, regex, match)
    at = dollar + reference[0].length
  }
  return out
}

function groupOf(name: string, regex: RE2JS, match: Match): string {
  const index = /^\d+$/.test(name) ? Number(name) : (regex.namedGroups() as Record<string, number>)[name]
  if (index === undefined || index > match.groupCount()) return ''
  return match.group(index) ?? ''
}
