/**
 * From a path with tags to a series: dots become underscores, unless a template says what the parts mean.
 *
 *     servers.web01.cpu;dc=eu   ▸   servers_web01_cpu{dc="eu"}
 */
import { METRIC_NAME } from '@tsink/core'
import type { BatchWriter } from '../batch-writer.ts'
import { LabelWriter } from '../label-writer.ts'
import { LineProblem } from '../line-problem.ts'
import { labelName, metricName } from '../names.ts'
import { KEY_KINDS } from '../series-cache.ts'
import { isUtf8, textOf } from '../utf8.ts'
import { graphiteTemplateOf, type GraphiteTemplate } from './content.ts'

const labels = new LabelWriter()

/**
 * The slot of the series that a path with tags names, in `bytes[start .. end)`.
 * @throws LineProblem when it names none.
 */
export function graphiteSlot(
  body: Uint8Array,
  start: number,
  end: number,
  batch: BatchWriter,
  templates: readonly GraphiteTemplate[],
): number {
  const known = batch.known(body, start, end, KEY_KINDS.graphite)
  if (known >= 0) return known
  if (!isUtf8(body, start, end)) throw new LineProblem(start, 'the path is not valid UTF-8')
  const [path, ...tags] = textOf(body, start, end).split(';') as [string, ...string[]]
  if (path === '') throw new LineProblem(start, 'the path is empty')
  const pairs = new Map<string, string>()
  const parts = path.split('.').filter((part) => part !== '')
  const template = graphiteTemplateOf(parts, templates)
  const name = template === null ? path : applyTemplate(template, parts, pairs)
  for (const tag of tags) {
    // Tags without a value say nothing.
    const at = tag.indexOf('=')
    if (at > 0 && at < tag.length - 1) pairs.set(labelName(tag.slice(0, at)), tag.slice(at + 1))
  }
  pairs.set(METRIC_NAME, metricName(name))
  labels.begin()
  for (const [label, value] of pairs) labels.addText(label, value)
  const problem = labels.finish(true)
  if (problem !== null) throw new LineProblem(start, problem)
  return batch.remember(body, start, end, KEY_KINDS.graphite, labels)
}

function applyTemplate(template: GraphiteTemplate, path: readonly string[], pairs: Map<string, string>): string {
  for (const [label, value] of template.labels) pairs.set(label, value)
  const name: string[] = []
  for (let i = 0; i < path.length; i++) {
    const part = template.parts[i]
    if (part === undefined) break
    if (part === 'measurement*') {
      name.push(...path.slice(i))
      break
    }
    if (part === 'measurement') name.push(path[i]!)
    else if (part !== '') pairs.set(part, pairs.has(part) ? `${pairs.get(part)}.${path[i]}` : path[i]!)
  }
  return name.length === 0 ? path.join('.') : name.join('_')
}
