/**
 * Notes: what is known about metrics and samples besides the samples: the metadata of metric families, and exemplars. Both are small and
 * bounded: the oldest leave. Batches bring them, the log keeps them until a flush writes them all into one small file.
 *
 * Exemplars know their series by its label bytes, since series numbers do not outlive the process.
 */
import { corruption, decodeLabels, type Labels, type Matcher, type MetricMetadata, type SeriesExemplars } from '@tsink/core'
import { ByteReader, ByteWriter, crc32c } from '@tsink/codecs'
import type { Host } from '@tsink/host'
import { compareBytes } from './label-order.ts'
import { readExemplar, readMetadata, writeExemplar, writeMetadata, type AcceptedExemplar, type ExemplarBytes } from './record.ts'

interface SeriesNotes {
  readonly labels: Labels
  readonly labelBytes: Uint8Array
  exemplars: ExemplarBytes[]
}

/** Exemplars of one series beyond this push out its oldest, so that one busy series does not push out all others. */
const MAX_PER_SERIES = 128

const VERSION = 1
/** Where files of notes lie. */
export const NOTES_DIRECTORY = 'notes'

export class Notes {
  readonly #metadata = new Map<string, MetricMetadata[]>()
  /** In the order of their last exemplar, oldest first; the key is the series' label key. */
  readonly #series = new Map<string, SeriesNotes>()
  #exemplars = 0
  readonly #maxExemplars: number
  readonly #maxMetadata: number
  /** Grows with every change, so that a flush knows whether there is something to write. */
  version = 0
  /** The file that holds what was saved last; '' for none. The catalog names it. */
  file = ''
  #savedVersion = 0
  /** Files that later ones have replaced, and that may still be the catalog's. */
  #old: string[] = []
  #saving: Promise<void> = Promise.resolve()

  constructor(maxExemplars: number, maxMetadata: number) {
    this.#maxExemplars = maxExemplars
    this.#maxMetadata = maxMetadata
  }

  get exemplarCount(): number {
    return this.#exemplars
  }

  /** The last statement about a metric counts. */
  addMetadata(entries: readonly MetricMetadata[]): void {
    for (const entry of entries) {
      const known = this.#metadata.get(entry.metric)?.[0]
      if (known !== undefined && known.type === entry.type && known.help === entry.help && known.unit === entry.unit) continue
      this.version++
      this.#metadata.delete(entry.metric)
      this.#metadata.set(entry.metric, [entry])
      if (this.#metadata.size > this.#maxMetadata) this.#metadata.delete(this.#metadata.keys().next().value!)
    }
  }

  addExemplars(exemplars: readonly AcceptedExemplar[]): void {
    for (const { seriesBytes, labelBytes, timestamp, value } of exemplars) this.#addExemplar(seriesBytes, { labelBytes, timestamp, value })
  }

  metadata(metric: string | undefined, limit: number | undefined): ReadonlyMap<string, readonly MetricMetadata[]> {
    if (metric !== undefined) {
      const known = this.#metadata.get(metric)
      return new Map(known === undefined ? [] : [[metric, known]])
    }
    const all = new Map<string, readonly MetricMetadata[]>()
    for (const [name, entries] of this.#metadata) {
      if (limit !== undefined && limit > 0 && all.size >= limit) break
      all.set(name, entries)
    }
    return all
  }

  exemplars(selectors: readonly (readonly Matcher[])[], minTime: number, maxTime: number): SeriesExemplars[] {
    const found: SeriesExemplars[] = []
    for (const { labels, exemplars } of this.#series.values()) {
      if (selectors.length > 0 && !selectors.some((set) => set.every((matcher) => matcher.matches(labels.get(matcher.name))))) continue
      const inRange = exemplars.filter(({ timestamp }) => timestamp >= minTime && timestamp <= maxTime)
      if (inRange.length === 0) continue
      inRange.sort((a, b) => a.timestamp - b.timestamp)
      found.push({
        labels,
        exemplars: inRange.map(({ labelBytes, timestamp, value }) => ({ labels: decodeLabels(labelBytes), timestamp, value })),
      })
    }
    return found
  }

  /** Writes everything into a new file when something has changed; the publish that follows makes it count. One at a time. */
  save(host: Host): Promise<void> {
    const run = this.#saving.then(() => this.#save(host))
    this.#saving = run.catch(() => undefined)
    return run
  }

  async #save(host: Host): Promise<void> {
    const { version } = this
    if (version === this.#savedVersion) return
    const bytes = this.encode()
    await host.disk.makeDirectory(NOTES_DIRECTORY)
    const path = `${NOTES_DIRECTORY}/${String(Number(/\d+/.exec(this.file)?.[0] ?? 0) + 1).padStart(10, '0')}.notes`
    await host.disk.remove(path)
    const file = await host.disk.open(path, 'create')
    try {
      file.writeSync(bytes, 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await host.disk.syncDirectory(NOTES_DIRECTORY)
    if (this.file !== '') this.#old.push(this.file)
    this.file = path
    this.#savedVersion = version
  }

  /** The files that are not needed any more now that the catalog names `published`; the caller removes them. */
  takeOld(published: string): string[] {
    // Their numbers ascend. A later one may have been saved, and not be published yet.
    const old = this.#old.filter((path) => path < published)
    this.#old = this.#old.filter((path) => path >= published)
    return old
  }

  /** Fills empty notes from a file. @throws TsinkError of kind `corrupt`. */
  async read(host: Host, path: string): Promise<void> {
    const file = await host.disk.open(path, 'read')
    try {
      const bytes = new Uint8Array(file.sizeBytes)
      file.readSync(bytes, 0)
      this.decode(bytes, path)
    } finally {
      await file.close()
    }
  }

  /** Fills empty notes from the file that the catalog names, and removes all others. @throws TsinkError of kind `corrupt`. */
  async load(host: Host, path: string): Promise<void> {
    await this.read(host, path)
    this.file = path
    this.#savedVersion = this.version
    for (const { name } of await host.disk.list(NOTES_DIRECTORY))
      if (`${NOTES_DIRECTORY}/${name}` !== path) await host.disk.remove(`${NOTES_DIRECTORY}/${name}`)
  }

  encode(): Uint8Array {
    const writer = new ByteWriter()
    writer.u8(VERSION)
    writer.uvarint(this.#metadata.size)
    for (const entries of this.#metadata.values()) writeMetadata(writer, entries[0]!)
    writer.uvarint(this.#series.size)
    for (const { labelBytes, exemplars } of this.#series.values()) {
      writer.uvarint(labelBytes.length)
      writer.append(labelBytes)
      writer.uvarint(exemplars.length)
      for (const exemplar of exemplars) writeExemplar(writer, exemplar)
    }
    writer.u32(crc32c(writer.bytes.subarray(0, writer.length)))
    return writer.finish()
  }

  /** Fills empty notes from bytes. @throws TsinkError of kind `corrupt`. */
  decode(bytes: Uint8Array, file: string): void {
    const end = bytes.length - 4
    const expected = new ByteReader(bytes, Math.max(0, end), bytes.length, file).u32()
    const found = crc32c(bytes.subarray(0, Math.max(0, end)))
    if (expected !== found) throw corruption('CHECKSUM', `${file}: the checksum does not match`, { file, expected, found })
    const reader = new ByteReader(bytes, 0, end, file)
    const version = reader.u8()
    if (version !== VERSION) throw corruption('UNKNOWN_VERSION', `${file}: unknown version`, { file, expected: VERSION, found: version })
    for (let left = reader.length(4); left > 0; left--) this.addMetadata([readMetadata(reader)])
    for (let left = reader.length(2); left > 0; left--) {
      const labelBytes = reader.take(reader.length())
      for (let more = reader.length(17); more > 0; more--) this.#addExemplar(labelBytes, readExemplar(reader))
    }
  }

  #addExemplar(labelBytes: Uint8Array, exemplar: ExemplarBytes): void {
    this.version++
    const bytes = labelBytes.slice()
    const labels = decodeLabels(bytes)
    const key = labels.key()
    let series = this.#series.get(key)
    if (series === undefined) series = { labels, labelBytes: bytes, exemplars: [] }
    else this.#series.delete(key)
    this.#series.set(key, series)
    const last = series.exemplars.at(-1)
    // Scrapes repeat the same exemplar until there is a new one.
    if (
      last !== undefined &&
      last.timestamp === exemplar.timestamp &&
      last.value === exemplar.value &&
      compareBytes(last.labelBytes, exemplar.labelBytes) === 0
    )
      return
    series.exemplars.push(exemplar)
    this.#exemplars++
    if (series.exemplars.length > MAX_PER_SERIES) {
      series.exemplars.shift()
      this.#exemplars--
    }
    while (this.#exemplars > this.#maxExemplars) {
      const [oldest, notes] = this.#series.entries().next().value!
      notes.exemplars.shift()
      this.#exemplars--
      if (notes.exemplars.length === 0) this.#series.delete(oldest)
    }
  }
}
