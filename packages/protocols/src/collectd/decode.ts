/**
 * collectd's JSON, as write_http posts it: value lists with a name for each value.
 *
 *     [{"values":[1.5],"dstypes":["gauge"],"dsnames":["value"],"time":1480063672.978,"interval":10,
 *       "host":"web01","plugin":"cpu","plugin_instance":"0","type":"cpu","type_instance":"idle"}]
 *     ▸ collectd_cpu{cpu="0", type="idle", instance="web01"} 1.5
 *
 * Names and labels are those of Prometheus's collectd_exporter; counters and derives get `_total`.
 */
import { METRIC_NAME } from '@tsink/core'
import { BatchWriter } from '../batch-writer.ts'
import { badBody, Rejected, tooLarge, type Decoded, type DecodeOptions } from '../decoded.ts'
import { LabelWriter } from '../label-writer.ts'
import { labelName, metricName } from '../names.ts'
import { textOf } from '../utf8.ts'
import { COLLECTD_LIMITS } from './limits.ts'

/** Decodes a body. A bad value list costs only itself. @throws TsinkError BAD_REQUEST when it is no list, TOO_LARGE */
export function decodeCollectd(body: Uint8Array, options: DecodeOptions): Decoded {
  if (body.length > COLLECTD_LIMITS.bodyBytes) throw tooLarge('collectd body bytes', body.length, COLLECTD_LIMITS.bodyBytes)
  let root: unknown
  try {
    root = JSON.parse(textOf(body))
  } catch (error) {
    throw badBody('collectd', 'the body', `is no JSON: ${(error as Error).message.slice(0, 200)}`)
  }
  if (!Array.isArray(root)) throw badBody('collectd', 'the body', 'expected a list of value lists')
  const batch = new BatchWriter(options)
  const rejected = new Rejected()
  root.forEach((item: unknown, index) => {
    const problem = decodeList(item, batch, options)
    if (problem !== null) rejected.add(`value list ${index}`, problem)
  })
  return { batch: batch.build(), rejected }
}

const labels = new LabelWriter()

function decodeList(item: unknown, batch: BatchWriter, options: DecodeOptions): string | null {
  if (typeof item !== 'object' || item === null) return 'expected an object'
  const list = item as Record<string, unknown>
  const text = (name: string): string => (typeof list[name] === 'string' ? list[name] : '')
  const { values, dstypes, dsnames, time } = list
  if (!Array.isArray(values) || !Array.isArray(dstypes) || !Array.isArray(dsnames)) return 'expected the lists values, dstypes and dsnames'
  if (values.length !== dstypes.length || values.length !== dsnames.length)
    return `${values.length} values, ${dstypes.length} types, ${dsnames.length} names`
  const [plugin, type] = [text('plugin'), text('type')]
  if (plugin === '' || type === '') return 'expected plugin and type'
  const ms = typeof time === 'number' && Number.isFinite(time) ? Math.round(time * 1e3) : options.now
  for (let i = 0; i < values.length; i++) {
    // collectd writes null for what it could not read.
    if (values[i] === null) continue
    if (typeof values[i] !== 'number') return `value ${i} is no number`
    const suffix = dsnames[i] === 'value' ? '' : `_${dsnames[i]}`
    const isTotal = dstypes[i] === 'counter' || dstypes[i] === 'derive'
    labels.begin()
    labels.addText(METRIC_NAME, metricName(`collectd_${plugin === type ? type : `${plugin}_${type}`}${suffix}${isTotal ? '_total' : ''}`))
    const pluginInstance = text('plugin_instance')
    const typeInstance = text('type_instance')
    if (pluginInstance !== '') labels.addText(labelName(plugin), pluginInstance)
    if (typeInstance !== '') labels.addText(pluginInstance === '' ? labelName(plugin) : 'type', typeInstance)
    labels.addText('instance', text('host'))
    const problem = labels.finish(true)
    if (problem !== null) return problem
    batch.float(batch.add(labels), ms, values[i] as number)
  }
  return null
}
