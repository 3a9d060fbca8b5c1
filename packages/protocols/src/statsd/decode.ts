/**
 * StatsD lines, in all dialects of tags, as events.
 *
 *     name:value|type|@rate|#tag:value,tag:value|c:container|T1656581400        types: c counter, g gauge, ms timer, h histogram,
 *     name:1:2:3|ms                                                             d distribution, s set
 *
 * Timers are milliseconds on the wire and seconds here. A sampled counter is scaled up by its rate; a sampled observation counts as many times as it
 * stands for. Events say what happened; what is stored of them is the aggregator's business.
 */
import { MAX_LISTED_REFUSALS, Rejected } from '../decoded.ts'
import { labelName } from '../names.ts'
import { isUtf8, textOf } from '../utf8.ts'
import type { StatsdDialects } from './content.ts'
import { STATSD_LIMITS } from './limits.ts'

export interface StatsdEvent {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'observer' | 'set'
  /** NaN for sets. */
  readonly value: number
  /** A gauge that moves by `value`. */
  readonly isRelative: boolean
  /** How many observations of this value it stands for. */
  readonly times: number
  /** The member of a set, else ''. */
  readonly member: string
  readonly labels: Readonly<Record<string, string>>
}

export interface StatsdDecoded {
  readonly events: readonly StatsdEvent[]
  readonly rejected: Rejected
}

/** Decodes a packet of one or many lines. A bad line costs only itself; garbage costs nothing but a count. */
export function decodeStatsd(packet: Uint8Array, dialects: StatsdDialects = {}): StatsdDecoded {
  const events: StatsdEvent[] = []
  const rejected = new Rejected()
  if (packet.length > STATSD_LIMITS.packetBytes) {
    rejected.add('packet', `${packet.length} bytes; at most ${STATSD_LIMITS.packetBytes} are taken`)
    return { events, rejected }
  }
  let line = 0
  for (let start = 0; start < packet.length;) {
    line++
    let end = packet.indexOf(0x0a, start)
    if (end < 0) end = packet.length
    const stop = end > start && packet[end - 1] === 0x0d ? end - 1 : end
    if (stop > start) {
      const refuse = (reason: string): void => rejected.add(`line ${line}`, rejected.count < MAX_LISTED_REFUSALS ? reason : '')
      if (isUtf8(packet, start, stop)) parseLine(textOf(packet, start, stop), dialects, events, refuse)
      else refuse('it is not valid UTF-8')
    }
    start = end + 1
  }
  return { events, rejected }
}

type Refuse = (reason: string) => void

function parseLine(line: string, dialects: StatsdDialects, events: StatsdEvent[], refuse: Refuse): void {
  // DogStatsD's events and service checks are no metrics.
  if (line.startsWith('_e{') || line.startsWith('_sc|')) return
  const colon = valueColon(line, dialects)
  if (colon <= 0) return refuse('expected name:value|type')
  const labels: Record<string, string> = {}
  const name = parseName(line.slice(0, colon), dialects, labels)
  const rest = line.slice(colon + 1)
  const parts = rest.split('|')
  if (parts.length < 2 || name === '') return refuse('expected name:value|type')
  const hasDogTags = rest.includes('|#')
  if (hasDogTags && Object.keys(labels).length > 0) return refuse('tags of two dialects in one line')
  if (parts[0]!.includes(':')) {
    // Many values of one type: only those that are observed can be packed like this.
    if (!isObserved(parts[1]!)) return refuse(`a packed value of type ${JSON.stringify(parts[1]!.slice(0, 20))}`)
    for (const value of parts[0]!.split(':')) parseSample(name, [value, ...parts.slice(1)], labels, dialects, events, refuse)
  } else if (hasDogTags || parts.slice(2).some((part) => part.startsWith('c:'))) parseSample(name, parts, labels, dialects, events, refuse)
  else for (const sample of rest.split(':')) parseSample(name, sample.split('|'), labels, dialects, events, refuse)
}

/** The colon between name and values. SignalFx's brackets may hold colons of their own. */
function valueColon(line: string, dialects: StatsdDialects): number {
  if (dialects.signalfx !== false) {
    const open = line.indexOf('[')
    const close = line.indexOf(']', open)
    const first = line.indexOf(':')
    if (open >= 0 && close > open && first > open && first < close) return line.indexOf(':', close)
  }
  return line.indexOf(':')
}

function parseName(name: string, dialects: StatsdDialects, labels: Record<string, string>): string {
  if (dialects.signalfx !== false) {
    const open = name.indexOf('[')
    const close = name.indexOf(']')
    if (open >= 0 && close > open) {
      parseTags(name.slice(open + 1, close), '=', labels)
      return name.slice(0, open) + name.slice(close + 1)
    }
    // One bracket alone is part of the name, and so is what would be tags of another dialect.
    if (open >= 0 || close >= 0) return name
  }
  for (let at = 0; at < name.length; at++) {
    const char = name[at]
    if ((char === '#' && dialects.librato !== false) || (char === ',' && dialects.influxdb !== false)) {
      parseTags(name.slice(at + 1), '=', labels)
      return name.slice(0, at)
    }
  }
  return name
}

/** Tags without a name or a value say nothing and are left out. */
function parseTags(text: string, separator: '=' | ':', labels: Record<string, string>): void {
  for (const part of text.split(',')) {
    const tag = part.startsWith('#') ? part.slice(1) : part
    const at = tag.indexOf(separator)
    if (at > 0 && at < tag.length - 1) labels[labelName(tag.slice(0, at))] = tag.slice(at + 1)
  }
}

function isObserved(type: string): boolean {
  return type === 'ms' || type === 'h' || type === 'd'
}

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/
/** Value, type and, in any order, rate, tags, container, external data, cardinality and time. */
const MAX_PARTS = 8

function parseSample(
  name: string,
  parts: readonly string[],
  nameLabels: Readonly<Record<string, string>>,
  dialects: StatsdDialects,
  events: StatsdEvent[],
  refuse: Refuse,
): void {
  if (parts.length < 2 || parts.length > MAX_PARTS) return refuse('expected value|type|@rate|#tags')
  const [text, type] = parts as [string, string]
  const labels = { ...nameLabels }
  let rate = 1
  for (const part of parts.slice(2)) {
    switch (part[0]) {
      case '@': {
        const given = part.slice(1)
        // A rate that is none is taken for 1, as statsd_exporter does: the value itself is good.
        rate = NUMBER.test(given) && Number(given) > 0 ? Number(given) : 1
        break
      }
      case '#':
        if (dialects.dogstatsd !== false) parseTags(part.slice(1), ':', labels)
        break
      case 'c':
        // How many of its own tags Datadog's agent should add; we add none.
        if (part.startsWith('card:')) break
        if (!part.startsWith('c:') || part.length === 2) return refuse(`expected c:container, found ${JSON.stringify(part.slice(0, 40))}`)
        if (dialects.dogstatsd !== false) labels['container_id'] = part.slice(2)
        break
      case 'e':
        // By which Datadog's agent finds the container when the client cannot name it.
        if (!part.startsWith('e:')) return refuse(`expected e:data, found ${JSON.stringify(part.slice(0, 40))}`)
        break
      case 'T':
        // Samples are flushed with the time of the flush.
        break
      default:
        return refuse(`found ${JSON.stringify(part.slice(0, 40))} behind the type`)
    }
  }
  if (type === 's') {
    events.push({ name, type: 'set', value: NaN, isRelative: false, times: 1, member: text, labels })
    return
  }
  if (!NUMBER.test(text)) return refuse(`the value ${JSON.stringify(text.slice(0, 40))} is no number`)
  const value = Number(text)
  switch (type) {
    case 'c':
      events.push({ name, type: 'counter', value: value / rate, isRelative: false, times: 1, member: '', labels })
      return
    case 'g':
      events.push({ name, type: 'gauge', value, isRelative: text.startsWith('+') || text.startsWith('-'), times: 1, member: '', labels })
      return
    case 'ms':
    case 'h':
    case 'd': {
      const seconds = type === 'ms' ? value / 1e3 : value
      events.push({
        name,
        type: 'observer',
        value: seconds,
        isRelative: false,
        times: Math.max(1, Math.trunc(1 / rate)),
        member: '',
        labels,
      })
      return
    }
    default:
      refuse(`the type ${JSON.stringify(type.slice(0, 20))} is not known`)
  }
}
