/**
 * Opens the store that the configuration describes: the engine on a folder, or on this process's memory without one.
 */
import { Engine, type EngineOptions } from '@tsink/engine'
import type { Host } from '@tsink/host'
import { volatileHost } from '@tsink/host/memory'
import { machineLimits, nodeHost } from '@tsink/host/node'
import type { Config } from './config.ts'
import type { ServerContext } from './context.ts'

/** @throws TsinkError when the folder cannot be used, is open elsewhere, or is damaged. */
export async function openStore(context: ServerContext): Promise<Engine> {
  const { config, log } = context
  const host: Host = config.dataPath === null ? { ...volatileHost(), ...machineLimits() } : nodeHost(config.dataPath)
  const engine = await Engine.open(host, {
    ...engineOptions(config),
    onReplay: (doneBytes, totalBytes) => (context.replay = { min: 0, max: totalBytes, current: doneBytes }),
    onError: (error) => log.error({ err: error }, 'background work failed'),
  })
  log.info({ replay: engine.opened.log, lostSamples: engine.opened.lostSamples }, 'the store is open')
  return engine
}

function engineOptions(config: Config): EngineOptions {
  // Without a folder there is nothing that a log could survive in.
  const sync = config.dataPath === null || !config.walEnabled ? 'none' : SYNC[config.walSyncMode]
  return {
    unit: 'ms',
    sync,
    syncPeriodMs: config.walSyncInterval,
    replay: config.walReplay,
    maxLogBytes: config.walMaxSize,
    ...(config.retention === 0 ? {} : { retentionMs: config.retention }),
    ...(config.retentionSize === null ? {} : { retentionBytes: config.retentionSize }),
    ...(config.memoryLimit === null ? {} : { memoryBytes: config.memoryLimit }),
    ...(config.seriesLimit === null ? {} : { maxSeries: config.seriesLimit }),
    ...(config.futureLimit === 0 ? {} : { maxFutureMs: config.futureLimit }),
  }
}

const SYNC = { 'every-write': 'every', periodic: 'periodic', os: 'os' } as const
