/**
 * Templates that turn dotted paths into names and labels.
 *
 *     [filter] template [label=value,label=value]
 *     servers.* .host.measurement*            servers.a.cpu.load   ▸  cpu_load{host="a"}
 *     measurement.measurement.region          us.cpu.eu            ▸  us_cpu{region="eu"}
 *
 * A part of the template names what the part of the path is: `measurement` (of the name), `measurement*` (all from here on), nothing (left
 * out) or a label. The filter says which paths it is for, with `*` for any part; the filter with more literal parts wins.
 */
import { TsinkError } from '@tsink/core'
import { labelName } from '../names.ts'
import { GRAPHITE_LIMITS } from './limits.ts'

export interface GraphiteTemplate {
  /** Null matches every path. */
  readonly filter: readonly string[] | null
  readonly parts: readonly string[]
  readonly labels: readonly (readonly [string, string])[]
}

/** @throws TsinkError BAD_CONFIG that names the template. */
export function compileGraphiteTemplates(templates: readonly string[]): GraphiteTemplate[] {
  if (templates.length > GRAPHITE_LIMITS.templates)
    throw new TsinkError('BAD_CONFIG', `${templates.length} Graphite templates; at most ${GRAPHITE_LIMITS.templates}`)
  const compiled = templates.map((text): GraphiteTemplate => {
    const words = text.trim().split(/\s+/)
    const labels = words.length > 1 && words[words.length - 1]!.includes('=') ? words.pop()! : ''
    if (words.length === 0 || words.length > 2)
      throw new TsinkError('BAD_CONFIG', `the Graphite template ${JSON.stringify(text)} is not: [filter] template [labels]`)
    const parts = words[words.length - 1]!.split('.')
    const last = parts.findIndex((part) => part.endsWith('*'))
    if (last >= 0 && (parts[last] !== 'measurement*' || last !== parts.length - 1)) {
      throw new TsinkError('BAD_CONFIG', `in the Graphite template ${JSON.stringify(text)} only a last part measurement* may have a star`)
    }
    if (!parts.some((part) => part.startsWith('measurement'))) {
      throw new TsinkError('BAD_CONFIG', `the Graphite template ${JSON.stringify(text)} has no part measurement`)
    }
    return {
      filter: words.length === 2 ? words[0]!.split('.') : null,
      parts: parts.map((part) => (part === '' || part.startsWith('measurement') ? part : labelName(part))),
      labels:
        labels === ''
          ? []
          : labels.split(',').map((pair) => [labelName(pair.slice(0, pair.indexOf('='))), pair.slice(pair.indexOf('=') + 1)] as const),
    }
  })
  const literals = ({ filter }: GraphiteTemplate): number => (filter === null ? -1 : filter.filter((part) => part !== '*').length)
  return compiled.sort((a, b) => literals(b) - literals(a))
}

/** The template for a path, or null. */
export function graphiteTemplateOf(path: readonly string[], templates: readonly GraphiteTemplate[]): GraphiteTemplate | null {
  return (
    templates.find(
      ({ filter }) => filter === null || (filter.length <= path.length && filter.every((part, i) => part === '*' || part === path[i])),
    ) ?? null
  )
}
