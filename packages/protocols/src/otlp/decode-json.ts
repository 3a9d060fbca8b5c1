/**
 * ExportMetricsServiceRequest in JSON: names in camelCase or as in the schema, 64-bit integers as strings or numbers, enums as numbers or
 * names, trace and span ids in hexadecimal.
 */
import { badBody } from '../decoded.ts'
import { excerpt, textOf } from '../utf8.ts'
import { OTLP_LIMITS } from './limits.ts'
import {
  attributeText,
  newExponentialPoint,
  newHistogramPoint,
  newNumberPoint,
  newSummaryPoint,
  TEMPORALITIES,
  TextAttributes,
  UNSET,
  type AnyValue,
  type Attribute,
  type AttributeList,
  type Instant,
  type OtlpData,
  type OtlpExemplar,
  type OtlpMetric,
  type OtlpRequest,
  type ResourceMetrics,
  type ScopeMetrics,
  type Temporality,
} from './model.ts'

const FORMAT = 'OTLP JSON'

/** @throws TsinkError BAD_REQUEST that names the place of what is wrong, for example `resourceMetrics[0].scopeMetrics[1].metrics[2].sum`. */
export function decodeOtlpJson(body: Uint8Array): OtlpRequest {
  let root: unknown
  try {
    root = JSON.parse(textOf(body))
  } catch (error) {
    throw badBody(FORMAT, 'the body', `is no JSON: ${(error as Error).message.slice(0, 200)}, in ${excerpt(body, 0, body.length)}`)
  }
  const request = objectAt(root, null)
  return { resources: listOf(request, 'resourceMetrics', null, readResource) }
}

type Fields = Readonly<Record<string, unknown>>

/** The names of the schema for those in camelCase, made once. */
const SCHEMA_NAMES = new Map<string, string>()

/** A field by its camelCase name or its name in the schema. */
function field(fields: Fields, name: string): unknown {
  const value = fields[name]
  if (value !== undefined && value !== null) return value
  let other = SCHEMA_NAMES.get(name)
  if (other === undefined) {
    other = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    SCHEMA_NAMES.set(name, other)
  }
  return fields[other] ?? undefined
}

function objectAt(value: unknown, path: Path): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(path, `expected an object, found ${show(value)}`)
  return value as Fields
}

function optionalObject(fields: Fields, name: string, path: Path): Fields {
  const value = field(fields, name)
  return value === undefined ? {} : objectAt(value, join(path, name))
}

function listOf<T>(fields: Fields, name: string, path: Path, read: (fields: Fields, path: Path) => T): T[] {
  const value = field(fields, name)
  if (value === undefined) return []
  const where = join(path, name)
  if (!Array.isArray(value)) throw bad(where, `expected a list, found ${show(value)}`)
  return value.map((item, index) => {
    const at = join(where, index)
    return read(objectAt(item, at), at)
  })
}

function textField(fields: Fields, name: string, path: Path): string {
  const value = field(fields, name)
  if (value === undefined) return ''
  if (typeof value !== 'string') throw bad(join(path, name), `expected a string, found ${show(value)}`)
  return value
}

function numberAt(value: unknown, path: Path): number {
  if (typeof value === 'number') return value
  if (typeof value === 'string') {
    if (value === 'NaN') return NaN
    if (value === 'Infinity') return Infinity
    if (value === '-Infinity') return -Infinity
    if (/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(value)) return Number(value)
  }
  throw bad(path, `expected a number, found ${show(value)}`)
}

function numberField(fields: Fields, name: string, path: Path): number {
  const value = field(fields, name)
  return value === undefined ? 0 : numberAt(value, join(path, name))
}

function numberList(fields: Fields, name: string, path: Path): number[] {
  const value = field(fields, name)
  if (value === undefined) return []
  if (!Array.isArray(value)) throw bad(join(path, name), `expected a list, found ${show(value)}`)
  return value.map((item, index) => numberAt(item, join(join(path, name), index)))
}

function instantField(fields: Fields, name: string, path: Path): Instant {
  const value = field(fields, name)
  if (value === undefined) return UNSET
  const text =
    typeof value === 'number' && Number.isSafeInteger(value)
      ? String(value)
      : typeof value === 'number'
        ? BigInt(Math.trunc(value)).toString()
        : value
  if (typeof text !== 'string' || !/^\d{1,20}$/.test(text)) throw bad(join(path, name), `expected nanoseconds, found ${show(value)}`)
  return { ms: Number(text.slice(0, -6)), nanos: Number(text.slice(-6)) }
}

/** A place in the body. It becomes text only when something is wrong there. */
type Path = { readonly parent: Path; readonly step: string | number } | null

function join(parent: Path, step: string | number): Path {
  return { parent, step }
}

function printPath(path: Path): string {
  if (path === null) return ''
  const before = printPath(path.parent)
  return typeof path.step === 'number' ? `${before}[${path.step}]` : before === '' ? path.step : `${before}.${path.step}`
}

function bad(path: Path, what: string): Error {
  return badBody(FORMAT, path === null ? 'the body' : printPath(path), what)
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 60)
}

function readResource(fields: Fields, path: Path): ResourceMetrics {
  return {
    attributes: attributesOf(optionalObject(fields, 'resource', path), 'attributes', join(path, 'resource')),
    scopes: listOf(fields, 'scopeMetrics', path, readScope),
  }
}

function readScope(fields: Fields, path: Path): ScopeMetrics {
  const scope = optionalObject(fields, 'scope', path)
  const where = join(path, 'scope')
  return {
    name: textField(scope, 'name', where),
    version: textField(scope, 'version', where),
    schemaUrl: textField(fields, 'schemaUrl', path),
    attributes: attributesOf(scope, 'attributes', where),
    metrics: listOf(fields, 'metrics', path, readMetric),
  }
}

function readMetric(fields: Fields, path: Path): OtlpMetric {
  return {
    name: textField(fields, 'name', path),
    description: textField(fields, 'description', path),
    unit: textField(fields, 'unit', path),
    data: readData(fields, path),
  }
}

function readData(fields: Fields, path: Path): OtlpData | null {
  const get = (name: string): Fields | null => (field(fields, name) === undefined ? null : optionalObject(fields, name, path))
  const gauge = get('gauge')
  if (gauge !== null) return { kind: 'gauge', points: listOf(gauge, 'dataPoints', join(path, 'gauge'), readNumber), raw: null }
  const sum = get('sum')
  if (sum !== null) {
    const where = join(path, 'sum')
    return {
      kind: 'sum',
      points: listOf(sum, 'dataPoints', where, readNumber),
      raw: null,
      temporality: temporalityOf(sum, where),
      isMonotonic: field(sum, 'isMonotonic') === true,
    }
  }
  const histogram = get('histogram')
  if (histogram !== null) {
    const where = join(path, 'histogram')
    return {
      kind: 'histogram',
      points: listOf(histogram, 'dataPoints', where, readHistogram),
      temporality: temporalityOf(histogram, where),
    }
  }
  const exponential = get('exponentialHistogram')
  if (exponential !== null) {
    const where = join(path, 'exponentialHistogram')
    return {
      kind: 'exponential',
      points: listOf(exponential, 'dataPoints', where, readExponential),
      temporality: temporalityOf(exponential, where),
    }
  }
  const summary = get('summary')
  return summary === null ? null : { kind: 'summary', points: listOf(summary, 'dataPoints', join(path, 'summary'), readSummary) }
}

function temporalityOf(fields: Fields, path: Path): Temporality {
  const value = field(fields, 'aggregationTemporality')
  if (value === undefined) return 'unspecified'
  if (typeof value === 'number') return TEMPORALITIES[value] ?? 'unspecified'
  const known = TEMPORALITIES.find((name) => value === `AGGREGATION_TEMPORALITY_${name.toUpperCase()}`)
  if (known === undefined) throw bad(join(path, 'aggregationTemporality'), `expected a temporality, found ${show(value)}`)
  return known
}

function commonOf(fields: Fields, path: Path): { attributes: AttributeList; time: Instant; start: Instant; isStale: boolean } {
  return {
    attributes: new TextAttributes(attributesOf(fields, 'attributes', path)),
    time: instantField(fields, 'timeUnixNano', path),
    start: instantField(fields, 'startTimeUnixNano', path),
    isStale: (numberField(fields, 'flags', path) & 1) === 1,
  }
}

function readNumber(fields: Fields, path: Path): ReturnType<typeof newNumberPoint> {
  const integer = field(fields, 'asInt')
  return {
    ...commonOf(fields, path),
    value: integer === undefined ? numberField(fields, 'asDouble', path) : numberAt(integer, join(path, 'asInt')),
    exemplars: listOf(fields, 'exemplars', path, readExemplar),
  }
}

function sumOf(fields: Fields, path: Path): number | null {
  return field(fields, 'sum') === undefined ? null : numberField(fields, 'sum', path)
}

function readHistogram(fields: Fields, path: Path): ReturnType<typeof newHistogramPoint> {
  return {
    ...commonOf(fields, path),
    count: numberField(fields, 'count', path),
    sum: sumOf(fields, path),
    bucketCounts: numberList(fields, 'bucketCounts', path),
    bounds: numberList(fields, 'explicitBounds', path),
    exemplars: listOf(fields, 'exemplars', path, readExemplar),
  }
}

function readExponential(fields: Fields, path: Path): ReturnType<typeof newExponentialPoint> {
  const buckets = (name: string): { offset: number; counts: number[] } => {
    const inner = optionalObject(fields, name, path)
    return { offset: numberField(inner, 'offset', join(path, name)), counts: numberList(inner, 'bucketCounts', join(path, name)) }
  }
  return {
    ...commonOf(fields, path),
    count: numberField(fields, 'count', path),
    sum: sumOf(fields, path),
    scale: numberField(fields, 'scale', path),
    zeroCount: numberField(fields, 'zeroCount', path),
    zeroThreshold: numberField(fields, 'zeroThreshold', path),
    positive: buckets('positive'),
    negative: buckets('negative'),
    exemplars: listOf(fields, 'exemplars', path, readExemplar),
  }
}

function readSummary(fields: Fields, path: Path): ReturnType<typeof newSummaryPoint> {
  return {
    ...commonOf(fields, path),
    count: numberField(fields, 'count', path),
    sum: numberField(fields, 'sum', path),
    quantiles: listOf(fields, 'quantileValues', path, (inner, where) => ({
      quantile: numberField(inner, 'quantile', where),
      value: numberField(inner, 'value', where),
    })),
  }
}

function readExemplar(fields: Fields, path: Path): OtlpExemplar {
  const integer = field(fields, 'asInt')
  return {
    attributes: attributesOf(fields, 'filteredAttributes', path),
    time: instantField(fields, 'timeUnixNano', path),
    value: integer === undefined ? numberField(fields, 'asDouble', path) : numberAt(integer, join(path, 'asInt')),
    traceId: textField(fields, 'traceId', path).toLowerCase(),
    spanId: textField(fields, 'spanId', path).toLowerCase(),
  }
}

function attributesOf(fields: Fields, name: string, path: Path): Attribute[] {
  return listOf(fields, name, path, (pair, where) => {
    const value = field(pair, 'value')
    return [
      textField(pair, 'key', where),
      value === undefined ? '' : attributeText(anyValue(objectAt(value, join(where, 'value')), join(where, 'value'), 0)),
    ] as const
  })
}

function anyValue(fields: Fields, path: Path, depth: number): AnyValue {
  if (depth > OTLP_LIMITS.valueDepth) throw bad(path, `nests deeper than ${OTLP_LIMITS.valueDepth} levels`)
  const text = field(fields, 'stringValue')
  if (text !== undefined) return textField(fields, 'stringValue', path)
  const bool = field(fields, 'boolValue')
  if (bool !== undefined) return bool === true || bool === 'true'
  const integer = field(fields, 'intValue')
  if (integer !== undefined) {
    if (typeof integer === 'string' && /^-?\d{1,19}$/.test(integer)) return BigInt(integer)
    return numberAt(integer, join(path, 'intValue'))
  }
  const double = field(fields, 'doubleValue')
  if (double !== undefined) return numberAt(double, join(path, 'doubleValue'))
  const bytes = field(fields, 'bytesValue')
  if (bytes !== undefined) return textField(fields, 'bytesValue', path)
  if (field(fields, 'arrayValue') !== undefined) {
    return listOf(optionalObject(fields, 'arrayValue', path), 'values', join(path, 'arrayValue'), (inner, where) =>
      anyValue(inner, where, depth + 1),
    )
  }
  if (field(fields, 'kvlistValue') === undefined) return null
  const map = listOf(
    optionalObject(fields, 'kvlistValue', path),
    'values',
    join(path, 'kvlistValue'),
    (pair, where): [string, AnyValue] => {
      const value = field(pair, 'value')
      return [
        textField(pair, 'key', where),
        value === undefined ? null : anyValue(objectAt(value, join(where, 'value')), join(where, 'value'), depth + 1),
      ]
    },
  )
  return { map }
}
