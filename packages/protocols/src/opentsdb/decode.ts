/**
 * OpenTSDB: the telnet line and the HTTP body.
 *
 *     put sys.cpu.user 1356998400 42.5 host=web01 cpu=0
 *     [{"metric":"sys.cpu.user","timestamp":1356998400,"value":42.5,"tags":{"host":"web01"}}]
 *
 * Times of up to ten digits are seconds, longer ones milliseconds. Dots and what else a name cannot have become underscores.
 */
import { METRIC_NAME } from '@tsink/core'
import { BatchWriter } from '../batch-writer.ts'
import { badBody, Rejected, tooLarge, type Decoded, type DecodeOptions } from '../decoded.ts'
import { LabelWriter } from '../label-writer.ts'
import { labelName, metricName } from '../names.ts'
import { textOf } from '../utf8.ts'
import { OPENTSDB_LIMITS } from './limits.ts'

/** Decodes telnet lines; lines that are no put are refused. @throws TsinkError TOO_LARGE */
export function decodeOpenTsdbLines(body: Uint8Array, options: DecodeOptions): Decoded {
  if (body.length > OPENTSDB_LIMITS.bodyBytes) throw tooLarge('OpenTSDB bytes', body.length, OPENTSDB_LIMITS.bodyBytes)
  const points = new Points(options)
  let number = 0
  for (const raw of textOf(body).split('\n')) {
    number++
    const where = `line ${number}`
    const line = raw.trim()
    if (line === '') continue
    if (line.length > OPENTSDB_LIMITS.lineBytes) {
      points.rejected.add(where, `longer than ${OPENTSDB_LIMITS.lineBytes} bytes`)
      continue
    }
    const [command, metric, time, value, ...tags] = line.split(/\s+/)
    if (command !== 'put') points.rejected.add(where, `expected put, found ${JSON.stringify(command!.slice(0, 40))}`, 0)
    else if (metric === undefined || time === undefined || value === undefined)
      points.rejected.add(where, 'expected put metric timestamp value tag=value')
    else
      points.add(
        where,
        metric,
        time,
        value,
        tags.map((tag) => splitTag(tag)),
      )
  }
  return { batch: points.batch.build(), rejected: points.rejected }
}

/** Decodes the body of `POST /api/put`: one point or a list. @throws TsinkError BAD_REQUEST when it is no such JSON, TOO_LARGE */
export function decodeOpenTsdbJson(body: Uint8Array, options: DecodeOptions): Decoded {
  if (body.length > OPENTSDB_LIMITS.bodyBytes) throw tooLarge('OpenTSDB body bytes', body.length, OPENTSDB_LIMITS.bodyBytes)
  let root: unknown
  try {
    root = JSON.parse(textOf(body))
  } catch (error) {
    throw badBody('OpenTSDB', 'the body', `is no JSON: ${(error as Error).message.slice(0, 200)}`)
  }
  const list: unknown[] = Array.isArray(root) ? root : [root]
  const points = new Points(options)
  list.forEach((item, index) => {
    const where = `point ${index}`
    if (typeof item !== 'object' || item === null)
      return points.rejected.add(where, 'expected an object with metric, timestamp, value and tags')
    const { metric, timestamp, value, tags } = item as Record<string, unknown>
    if (typeof metric !== 'string') return points.rejected.add(where, 'expected a metric')
    const isMap = typeof tags === 'object' && tags !== null && !Array.isArray(tags)
    if (tags !== undefined && !isMap) return points.rejected.add(where, 'expected tags as an object')
    const pairs = Object.entries((tags ?? {}) as Record<string, unknown>).map(([key, text]) => [key, String(text)] as const)
    points.add(where, metric, scalar(timestamp), scalar(value), pairs)
  })
  return { batch: points.batch.build(), rejected: points.rejected }
}

function scalar(value: unknown): string {
  return typeof value === 'number' || typeof value === 'string' ? String(value) : ''
}

function splitTag(tag: string): readonly [string, string] {
  const at = tag.indexOf('=')
  return at < 0 ? [tag, ''] : [tag.slice(0, at), tag.slice(at + 1)]
}

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/
const labels = new LabelWriter()

class Points {
  readonly batch: BatchWriter
  readonly rejected: Rejected = new Rejected()
  readonly #options: DecodeOptions

  constructor(options: DecodeOptions) {
    this.#options = options
    this.batch = new BatchWriter(options)
  }

  add(where: string, metric: string, time: string, value: string, tags: readonly (readonly [string, string])[]): void {
    if (!NUMBER.test(value)) return this.rejected.add(where, `expected a value, found ${JSON.stringify(value.slice(0, 40))}`)
    if (time !== '' && !/^\d+(\.\d+)?$/.test(time))
      return this.rejected.add(where, `expected a timestamp, found ${JSON.stringify(time.slice(0, 40))}`)
    if (metric === '') return this.rejected.add(where, 'the metric is empty')
    labels.begin()
    labels.addText(METRIC_NAME, metricName(metric))
    for (const [key, text] of tags) {
      if (key === '' || text === '')
        return this.rejected.add(where, `expected tag=value, found ${JSON.stringify(`${key}=${text}`.slice(0, 40))}`)
      labels.addText(labelName(key), text)
    }
    const problem = labels.finish(true)
    if (problem !== null) return this.rejected.add(where, problem)
    const digits = time.split('.')[0]!
    const ms =
      time === '' || Number(time) === 0
        ? this.#options.now
        : digits.length <= 10
          ? Math.round(Number(time) * 1e3)
          : Math.floor(Number(time))
    this.batch.float(this.batch.add(labels), ms, Number(value))
  }
}
