/**
 * YAML files, read with every scalar as text and checked by a schema. Whatever is wrong is told with the file, the line and the path of the field:
 *
 *     scrape.yml:12: scrape_configs[0].scrape_interval: "fast" is not a duration such as 15s or 1m
 */
import type * as z from 'zod'
import { isNode, isMap, LineCounter, parseDocument, type Document } from 'yaml'
import { TsinkError } from '@tsink/core'

/** A file that was read: where it is from, for messages, and its lines. */
export interface YamlFile {
  readonly where: string
  readonly document: Document
  readonly lines: LineCounter
}

/** @throws TsinkError BAD_CONFIG with the line. */
export function parseYaml(text: string, where: string): YamlFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { schema: 'failsafe', merge: true, lineCounter: lines, prettyErrors: false })
  const [error] = document.errors
  if (error !== undefined) throw refuse(`${where}:${lines.linePos(error.pos[0]).line}: ${error.message.split('\n')[0]}`)
  return { where, document, lines }
}

/** The data of a file, by a schema. @throws TsinkError BAD_CONFIG with the line and the path of the field. */
export function checkedYaml<T>(schema: z.ZodType<T, unknown>, { where, document, lines }: YamlFile): T {
  const result = schema.safeParse(document.contents === null ? '' : dataOf(document, where))
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const path = [...issue.path] as (string | number)[]
  if (issue.code === 'unrecognized_keys') path.push(issue.keys[0]!)
  const line = lineOf(document, path, lines)
  throw refuse(`${where}${line === null ? '' : `:${line}`}: ${printPath(path)}${describe(issue)}`)
}

/** Aliases are followed here: one may have no anchor, or so many may refer to each other that the data would have no end. */
function dataOf(document: Document, where: string): unknown {
  try {
    return document.toJS()
  } catch (error) {
    throw refuse(`${where}: ${(error as Error).message}; a text that begins with * needs quotes`)
  }
}

function printPath(path: readonly (string | number)[]): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${part}`)).join('')
}

/** What is wrong, to be put behind the field's path. */
function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return ' is not a known field'
  if (issue.code === 'custom') return issue.message.startsWith(':') ? issue.message : ` ${issue.message}`
  if (issue.code === 'invalid_type') {
    if (issue.input === undefined && issue.message.includes('undefined')) return ' is missing'
    const expected = { string: 'a single value', array: 'a list', object: 'a map', record: 'a map' }[issue.expected as string]
    return `: expected ${expected ?? issue.expected}, found ${issue.message
      .replace(/^.*received /, '')
      .replace('array', 'a list')
      .replace('object', 'a map')
      .replace('string', 'a single value')}`
  }
  return `: ${issue.message}`
}

/** The line of a field, or of the nearest that is there. */
function lineOf(document: Document, path: readonly (string | number)[], lines: LineCounter): number | null {
  for (let length = path.length; length > 0; length--) {
    const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const last = path[length - 1]
    const key = isMap(parent) ? parent.items.find(({ key: name }) => isNode(name) && String(name) === String(last))?.key : undefined
    const node: unknown = key ?? document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
  }
  return null
}

function refuse(message: string): TsinkError {
  return new TsinkError('BAD_CONFIG', message)
}
