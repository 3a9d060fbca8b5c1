/**
 * ScrapedSeries: what one target exposes, from scrape to scrape. A series is worked out once: its labels are joined with the target's,
 * relabelled and checked; from then on its raw bytes lead to its place here, and its place to the store's number for it.
 *
 *     raw bytes ─ SeriesCache ▸ entry ─ table ▸ canonical labels │ store's number │ scrape in which it was last seen
 *
 * The table is the series table of every batch that is written, so a scrape in which nothing is new resolves no label and copies none: the
 * decoded slot numbers are replaced by entry numbers, in place. What the last scrape had and this one has not is stale.
 */
import {
  compareStrings,
  decodeLabels,
  encodeLabels,
  Labels,
  METRIC_NAME,
  SeriesTable,
  type AnySampleColumns,
  type Exemplar,
} from '@tsink/core'
import { finished, relabel, SeriesCache, type Decoded, type RelabelStep } from '@tsink/protocols'

/** What becomes of the series of a target. A limit of 0 is none. */
export interface SeriesRules {
  /** On every series. */
  readonly targetLabels: Labels
  /** Whether the labels that a target exposes win over its own. */
  readonly honorLabels: boolean
  readonly metricRelabelConfigs: readonly RelabelStep[]
  readonly sampleLimit: number
  readonly labelLimit: number
  readonly labelNameLengthLimit: number
  readonly labelValueLengthLimit: number
  /** Whether samples that came with a time make their series stale too when it vanishes. */
  readonly trackTimestampsStaleness: boolean
}

/** What a scrape brought. */
export interface Taken {
  /** The samples that are kept; their slots are entries of `table`. Empty when there is a problem. */
  readonly samples: readonly AnySampleColumns[]
  readonly exemplars: readonly Exemplar[]
  /** Entries that were there last time and are not now. */
  readonly stale: readonly number[]
  /** Samples before and after relabelling. */
  readonly scraped: number
  readonly kept: number
  /** Series that the last scrape did not have. */
  readonly added: number
  /** Samples of series that were exposed twice: the first one counts. */
  readonly duplicates: number
  /** Why nothing is kept. */
  readonly problem: { readonly reason: 'sample_limit' | 'label_limit' | 'bad_labels'; readonly message: string } | null
}

/** In place of an entry: relabelling drops the series. */
const DROPPED = 0xffff_ffff
/** In place of an entry: nobody has asked yet. */
const UNKNOWN = 0xffff_fffe
/** A table is made anew when more than half of it, and more than this, is of series that are gone. */
const SPARE_ENTRIES = 256
/** As many as a body of the greatest size can hold. */
const MAX_SERIES = 1_048_576
/** So many series are worked out in one piece. */
const SLICE_SERIES = 128

export class ScrapedSeries {
  /** For the decoder of the next body. Its store's numbers are entry numbers plus 1. */
  cache: SeriesCache = new SeriesCache({ numbersSuffice: true, maxSeries: MAX_SERIES })
  /** The series of every batch; the store keeps its numbers in it. */
  table: SeriesTable = new SeriesTable(64, 4_096)
  readonly #rules: SeriesRules
  readonly #reports: number
  #index: EntryIndex = new EntryIndex(this.table)
  /** For each entry the number of the scrape that saw it last. */
  #seen: Uint32Array = new Uint32Array(64)
  /** For each entry whether it gets a marker when it vanishes. */
  #tracked: Uint8Array = new Uint8Array(64)
  #scrape = 1
  /** Whether the series of the last good scrape are without markers. */
  #live = false

  /** `reports` are the names of the series about the scrape itself: entries 0, 1 and so on. `previous` is taken over, not changed. */
  constructor(rules: SeriesRules, reports: readonly string[], previous: ScrapedSeries | null = null) {
    this.#rules = rules
    this.#reports = reports.length
    for (const name of reports) this.#enter(encodeLabels(rules.targetLabels.with(METRIC_NAME, name)), 0)
    if (previous !== null) finished(this.#inherit(previous))
  }

  /** Works a decoded body through, in slices. It is the body's owner's no more. `time` is the scrape's. */
  *take({ batch }: Decoded, time: number): Generator<void, Taken, undefined> {
    let scraped = 0
    for (const columns of batch.samples) scraped += columns.count
    const nothing = { samples: [], exemplars: [], stale: [], scraped, added: 0, duplicates: 0 }
    const { series } = batch
    // Only series that have samples count: a decoder that makes histograms of others leaves the others behind.
    const entries = new Uint32Array(series.count).fill(UNKNOWN)
    let kept = 0
    let admitted = 0
    for (const { slots, count } of batch.samples) {
      for (let i = 0; i < count; i++) {
        const slot = slots[i]!
        let entry = entries[slot]!
        if (entry === UNKNOWN) {
          const known = series.refs[slot]!
          const found = known === DROPPED ? DROPPED : known > 0 ? known - 1 : this.#admit(series.labelBytes(slot))
          if (typeof found !== 'number') return { ...nothing, kept: scraped, problem: found }
          entry = entries[slot] = found
          series.refs[slot] = entry === DROPPED ? DROPPED : entry + 1
          if (known === 0 && ++admitted % SLICE_SERIES === 0) yield
        }
        if (entry !== DROPPED) kept++
      }
    }
    const { sampleLimit } = this.#rules
    if (sampleLimit > 0 && kept > sampleLimit) {
      return {
        ...nothing,
        kept,
        problem: { reason: 'sample_limit', message: `sample limit exceeded (${kept} samples, limit: ${sampleLimit})` },
      }
    }
    const scrape = ++this.#scrape
    const counts = { added: 0, duplicates: 0 }
    const samples = batch.samples.map((columns) => this.#keep(columns, entries, time, scrape, counts)).filter(({ count }) => count > 0)
    const exemplars: Exemplar[] = []
    for (const exemplar of batch.exemplars ?? []) {
      const entry = entries[exemplar.slot]!
      if (entry !== DROPPED && entry !== UNKNOWN) exemplars.push({ ...exemplar, slot: entry })
    }
    const stale = this.#live ? this.#unmarked(scrape - 1) : []
    this.#live = true
    return { samples, exemplars, stale, scraped, kept, ...counts, problem: null }
  }

  /** The scrape failed: the entries that are stale now. */
  fail(): readonly number[] {
    if (!this.#live) return []
    this.#live = false
    return this.#unmarked(this.#scrape)
  }

  /** The target is gone: all entries that are stale now, those about the scrape among them. */
  end(): readonly number[] {
    return [...Array.from({ length: this.#reports }, (_, i) => i), ...this.fail()]
  }

  /** Lets go of series that are gone, now and then, in slices. Not while a batch with the table is on its way. */
  *tidy(): Generator<void, void, undefined> {
    const current = this.#count(this.#scrape)
    if (this.table.count < 2 * (current + SPARE_ENTRIES)) return
    const kept = new ScrapedSeries(this.#rules, [])
    for (let entry = 0; entry < this.#reports; entry++) kept.#enter(this.table.labelBytes(entry), this.table.refs[entry]!)
    yield* kept.#inherit(this)
    this.cache = kept.cache
    this.table = kept.table
    this.#index = kept.#index
    this.#seen = kept.#seen
    this.#tracked = kept.#tracked
    this.#scrape = kept.#scrape
  }

  *#inherit(previous: ScrapedSeries): Generator<void, void, undefined> {
    this.#live = previous.#live
    for (let entry = previous.#reports; entry < previous.table.count; entry++) {
      if (previous.#seen[entry] !== previous.#scrape) continue
      const mine = this.#enter(previous.table.labelBytes(entry), previous.table.refs[entry]!)
      if (mine < this.#reports) continue
      this.#seen[mine] = this.#scrape
      this.#tracked[mine] = previous.#tracked[entry]!
      if (entry % SLICE_SERIES === 0) yield
    }
  }

  /** The entry of a new series, DROPPED, or what is wrong with it. */
  #admit(labelBytes: Uint8Array): number | NonNullable<Taken['problem']> {
    const { targetLabels, honorLabels, metricRelabelConfigs } = this.#rules
    const labels = relabel(joined(decodeLabels(labelBytes), targetLabels, honorLabels), metricRelabelConfigs)
    if (labels === null || labels.size === 0) return DROPPED
    if (labels.metric === '') return { reason: 'bad_labels', message: `metric name missing after relabeling: ${labels.toString()}` }
    const exceeded = this.#exceeded(labels)
    if (exceeded !== null) return { reason: 'label_limit', message: exceeded }
    return this.#enter(encodeLabels(labels), 0)
  }

  #exceeded(labels: Labels): string | null {
    const { labelLimit, labelNameLengthLimit, labelValueLengthLimit } = this.#rules
    const metric = labels.metric.slice(0, 50)
    if (labelLimit > 0 && labels.size > labelLimit) {
      return `label_limit exceeded (metric: ${metric}, number of labels: ${labels.size}, limit: ${labelLimit})`
    }
    if (labelNameLengthLimit === 0 && labelValueLengthLimit === 0) return null
    for (const [name, value] of labels) {
      const [nameBytes, valueBytes] = [Buffer.byteLength(name), Buffer.byteLength(value)]
      const label = `metric: ${metric}, label name: ${name.slice(0, 50)}`
      if (labelNameLengthLimit > 0 && nameBytes > labelNameLengthLimit) {
        return `label_name_length_limit exceeded (${label}, length: ${nameBytes}, limit: ${labelNameLengthLimit})`
      }
      if (labelValueLengthLimit > 0 && valueBytes > labelValueLengthLimit) {
        return `label_value_length_limit exceeded (${label}, value: ${JSON.stringify(value.slice(0, 50))}, length: ${valueBytes}, limit: ${labelValueLengthLimit})`
      }
    }
    return null
  }

  /** The entry of a label set, made when it is new: two spellings, or two series that relabelling makes one, share an entry. */
  #enter(labelBytes: Uint8Array, ref: number): number {
    const known = this.#index.find(labelBytes)
    if (known >= 0) return known
    const entry = this.table.addBytes(labelBytes, ref)
    this.#index.add(entry)
    if (entry >= this.#seen.length) {
      const seen = new Uint32Array(this.#seen.length * 2)
      seen.set(this.#seen)
      this.#seen = seen
      const tracked = new Uint8Array(this.#tracked.length * 2)
      tracked.set(this.#tracked)
      this.#tracked = tracked
    }
    return entry
  }

  /** Turns slots into entries and closes the gaps that dropped samples leave, run by run, in the columns themselves. */
  #keep(
    columns: AnySampleColumns,
    entries: Uint32Array,
    time: number,
    scrape: number,
    counts: { added: number; duplicates: number },
  ): AnySampleColumns {
    const { slots, timestamps, base, count } = columns
    const seen = this.#seen
    const tracked = this.#tracked
    const trackAll = this.#rules.trackTimestampsStaleness
    let kept = 0
    let run = 0
    for (let i = 0; i < count; i++) {
      const entry = entries[slots[i]!]!
      const timed = timestamps[i]! + base !== time
      if (entry !== DROPPED && entry >= this.#reports && (seen[entry] !== scrape || timed)) {
        if (seen[entry]! < scrape - 1) counts.added++
        seen[entry] = scrape
        tracked[entry] = !timed || trackAll ? 1 : 0
        slots[i] = entry
        continue
      }
      if (entry !== DROPPED) counts.duplicates++
      kept = move(columns, run, i, kept)
      run = i + 1
    }
    if (kept === 0 && run === 0) return columns
    return { ...columns, count: move(columns, run, count, kept) }
  }

  #unmarked(scrape: number): number[] {
    const found: number[] = []
    for (let entry = this.#reports; entry < this.table.count; entry++) {
      if (this.#seen[entry] === scrape && this.#tracked[entry] === 1) found.push(entry)
    }
    return found
  }

  #count(scrape: number): number {
    let count = 0
    for (let entry = this.#reports; entry < this.table.count; entry++) if (this.#seen[entry] === scrape) count++
    return count
  }
}

/** A target's labels on an exposed series. Of two values for one name the loser is kept as `exported_<name>`, or is gone with honor_labels. */
function joined(exposed: Labels, target: Labels, honor: boolean): Labels {
  const names: string[] = []
  const values: string[] = []
  let i = 0
  let j = 0
  while (i < exposed.size || j < target.size) {
    const order = i === exposed.size ? 1 : j === target.size ? -1 : compareStrings(exposed.names[i]!, target.names[j]!)
    if (order === 0 && !honor) return withLosers(exposed, target)
    if (order === 0) j++
    else if (order < 0) {
      names.push(exposed.names[i]!)
      values.push(exposed.values[i++]!)
    } else {
      names.push(target.names[j]!)
      values.push(target.values[j++]!)
    }
  }
  return Labels.fromSorted(names, values)
}

function withLosers(exposed: Labels, target: Labels): Labels {
  const all = new Map([...exposed, ...target])
  const losers = [...exposed].filter(([name]) => target.has(name))
  for (const [name, value] of losers.toSorted(([a], [b]) => a.length - b.length)) {
    let free = `exported_${name}`
    while (all.has(free)) free = `exported_${free}`
    all.set(free, value)
  }
  return Labels.from(all)
}

/** Moves the samples [from, to) to `kept`, bits and all, and returns where the next ones go. */
function move(columns: AnySampleColumns, from: number, to: number, kept: number): number {
  if (from === to || from === kept) return kept + to - from
  columns.slots.copyWithin(kept, from, to)
  columns.timestamps.copyWithin(kept, from, to)
  columns.startTimestamps?.copyWithin(kept, from, to)
  ;(columns.values as { copyWithin(target: number, start: number, end: number): unknown }).copyWithin(kept, from, to)
  return kept + to - from
}

/** Entries of a table by their label bytes. */
class EntryIndex {
  readonly #table: SeriesTable
  #places: Int32Array = new Int32Array(128).fill(-1)
  /** By entry; a table that grows must not look at all labels again. */
  #hashes: Uint32Array = new Uint32Array(64)
  #count = 0

  constructor(table: SeriesTable) {
    this.#table = table
  }

  find(bytes: Uint8Array): number {
    const mask = this.#places.length - 1
    const hash = hashOf(bytes, 0, bytes.length)
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const entry = this.#places[at]!
      if (entry < 0 || (this.#hashes[entry] === hash && this.#equals(entry, bytes))) return entry
    }
  }

  add(entry: number): void {
    if (entry >= this.#hashes.length) {
      const hashes = new Uint32Array(Math.max(entry + 1, this.#hashes.length * 2))
      hashes.set(this.#hashes)
      this.#hashes = hashes
    }
    const { bytes, offsets } = this.#table
    this.#hashes[entry] = hashOf(bytes, offsets[entry]!, offsets[entry + 1]!)
    if (++this.#count * 2 > this.#places.length) {
      const old = this.#places
      this.#places = new Int32Array(old.length * 2).fill(-1)
      for (const one of old) if (one >= 0) this.#place(one)
    }
    this.#place(entry)
  }

  #place(entry: number): void {
    const mask = this.#places.length - 1
    let at = this.#hashes[entry]! & mask
    while (this.#places[at]! >= 0) at = (at + 1) & mask
    this.#places[at] = entry
  }

  #equals(entry: number, bytes: Uint8Array): boolean {
    const table = this.#table
    const start = table.offsets[entry]!
    if (table.offsets[entry + 1]! - start !== bytes.length) return false
    for (let i = 0; i < bytes.length; i++) if (table.bytes[start + i] !== bytes[i]) return false
    return true
  }
}

/** FNV-1a, mixed once more for the low bits. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c_9dc5
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x0100_0193)
  return (hash ^ (hash >>> 15)) >>> 0
}
