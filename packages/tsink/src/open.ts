/** open: from a path and options to a database. */
import { TsinkError, type Matcher } from '@tsink/core'
import { Engine, type RepairReport } from '@tsink/engine'
import type { Host } from '@tsink/host'
import { memoryPlace, placeAt } from '#place'
import { startThread } from '#thread'
import { Database } from './database.ts'
import { checkKnown, engineOptions, spanOf, type OpenOptions } from './options.ts'
import { matchersOf } from './read.ts'
import { RemoteDatabase } from './remote-database.ts'
import type { Precision } from './types.ts'

/**
 * Opens the database in the directory `path`, which is made when it is not there; without a path, a database in memory.
 * @throws TsinkError LOCKED when another process has it open, BAD_CONFIG naming the option, of kind `corrupt` when the log is damaged (see the
 * option `replay`).
 * @example
 * await using db = await open({ path: './data', retention: '30d', sync: 'periodic' })
 */
export function open(path: string): Promise<Database>
export function open<P extends Precision = 'ms'>(options: OpenOptions<P> & { readonly worker: true }): Promise<RemoteDatabase<P>>
export function open<P extends Precision = 'ms'>(options?: OpenOptions<P> & { readonly worker?: false }): Promise<Database<P>>
export async function open(given: string | OpenOptions = {}): Promise<Database<Precision> | RemoteDatabase<Precision>> {
  const options: OpenOptions = typeof given === 'string' ? { path: given } : given
  checkKnown(options)
  if (options.worker === true) {
    if (options.host !== undefined)
      throw new TsinkError('BAD_CONFIG', 'a host of your own and worker do not go together', { detail: { option: 'host' } })
    return RemoteDatabase.open(startThread(), options)
  }
  const rules: { matchers: readonly Matcher[]; retentionMs: number }[] = []
  for (const { selector, retention } of options.keep ?? []) {
    rules.push({ matchers: await matchersOf(selector), retentionMs: spanOf('keep', retention)! })
  }
  const host: Host = options.host ?? (options.path === undefined ? memoryPlace() : await placeAt(options.path))
  return new Database(await Engine.open(host, engineOptions(options, rules)), host.clock)
}

/**
 * Gives the database in a directory a catalog again when it has lost its own, from the copy beside it or from the files that are there. A database that is
 * well is left alone. Nobody may have it open.
 * @throws TsinkError LOCKED; UNSUPPORTED when deletes may be lost and `loseDeletes` is not set: what they hid would be there again.
 * @example
 * const { catalog } = await repair('./data') // 'whole', 'copied' or 'rebuilt'
 */
export async function repair(
  path: string,
  options: { readonly precision?: Precision; readonly loseDeletes?: boolean } = {},
): Promise<RepairReport> {
  const { precision, loseDeletes } = options
  return Engine.repair(await placeAt(path), {
    ...(precision === undefined ? {} : { unit: precision }),
    ...(loseDeletes === undefined ? {} : { loseDeletes }),
  })
}
