/**
 * `label_replace` and `label_join` of the naive evaluator.
 */
import { RE2JS } from 're2js'
import type { NaiveSample } from './values.ts'

export function labelFunction(
  func: 'label_replace' | 'label_join',
  samples: readonly NaiveSample[],
  texts: readonly string[],
): NaiveSample[] {
  if (func === 'label_join') {
    const [target, separator, ...sources] = texts as [string, string, ...string[]]
    return samples.map(({ labels, value }) => ({
      labels: labels.with(target, sources.map((name) => labels.get(name)).join(separator)),
      value,
    }))
  }
  const [target, replacement, source, pattern] = texts as [string, string, string, string]
  const regex = RE2JS.compile(`^(?s:${pattern})$`)
  return samples.map(({ labels, value }) => {
    const matcher = regex.matcher(labels.get(source))
    if (!matcher.find()) return { labels, value }
    const expanded = replacement.replace(/\$(\$|\w+|\{\w+\})/g, (_, name: string) => {
      if (name === '$') return '$'
      const group = name.replace(/[{}]/g, '')
      if (!/^\d+$/.test(group)) return ''
      return Number(group) <= matcher.groupCount() ? (matcher.group(Number(group)) ?? '') : ''
    })
    return { labels: labels.with(target, expanded), value }
  })
}
