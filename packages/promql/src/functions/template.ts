/**
 * Replacement templates of label_replace: `$1`, `${1}`, `$name`, `${name}` and `$$`, as Go expands them. `$1x` is the group called "1x", so
 * an unknown name gives nothing; a `$` that starts no reference stays.
 */
import type { RE2JS } from 're2js'

interface Match {
  group(index: number): string | null
  groupCount(): number
}

export function expandTemplate(template: string, regex: RE2JS, match: Match): string {
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
    out += valueOf(reference[1] ?? reference[2]!, regex, match)
    at = dollar + reference[0].length
  }
  return out
}

function valueOf(name: string, regex: RE2JS, match: Match): string {
  const index = /^\d+$/.test(name) ? Number(name) : (regex.namedGroups() as Record<string, number>)[name]
  if (index === undefined || index > match.groupCount()) return ''
  return match.group(index) ?? ''
}
