/**
 * Select: from matchers and a range of time to series with samples, page by page. The view is taken, the matchers are resolved in the registry
 * and in the index of every segment that overlaps, and series of several units are brought together by their labels. Chunks are read
 * and decoded only when a series is read.
 */
import {
  compareLabelBytes,
  SampleBuffer,
  TsinkError,
  VALUE_KINDS,
  type Histogram,
  type Labels,
  type SampleSummary,
  type SelectedSeries,
  type Selection,
  type ValueKind,
} from '@tsink/core'
import type { Segment, SegmentIndex } from '@tsink/segment'
import { F64 } from './head.ts'
import { lastBefore, setHints } from './hints.ts'
import type { LabelCache, LabelNumbers } from './label-cache.ts'
import { LabelTable } from './label-table.ts'
import { NumberTable } from './number-table.ts'
import { assertOpen, type Parts } from './parts.ts'
import { chunksIn, countDecoded, readNewest, readPieces, readRuns, readSources, type Source } from './read.ts'
import { Slices } from './slices.ts'
import { sortNumbers } from './sort.ts'
import { hiding, relative, visible } from './tombstones.ts'
import { HeadUnit, SegmentUnit, type Unit } from './units.ts'
import { CaughtSlots, View } from './view.ts'

/** Series in one page: enough to keep a reader busy, few enough that the first page comes soon. */
const PAGE_SERIES = 512

export function* selectNow(parts: Parts, selection: Selection): Generator<readonly SelectedSeries[]> {
  const caught = catchView(parts, selection)
  try {
    const units: Unit[] = []
    for (const segment of caught.segments) {
      const index = parts.shelf.indexOf(segment)
      if (index === null) {
        throw new TsinkError(
          'UNSUPPORTED',
          `the index of ${segment.info.path} is not in memory; open the store with preload, or use select`,
        )
      }
      addSegmentUnit(parts, caught.view, segment, index, selection, units)
    }
    units.push(...caught.heads)
    const entries = new Entries(units, parts.labelCache)
    while (entries.join()) continue
    if (selection.inLabelOrder === true) throw new TsinkError('UNSUPPORTED', 'series come in the order of their labels from select only')
    yield* pages(parts, caught.view, entries, selection, null)
  } finally {
    caught.view.release()
  }
}

/** As {@link selectNow}, reading indexes that are not in memory and giving way between pages. */
export async function* select(parts: Parts, selection: Selection): AsyncGenerator<readonly SelectedSeries[]> {
  const caught = catchView(parts, selection)
  try {
    const units: Unit[] = []
    for (const segment of caught.segments) {
      const index = parts.shelf.indexOf(segment) ?? (await parts.shelf.loadIndex(segment))
      if (index !== null) addSegmentUnit(parts, caught.view, segment, index, selection, units)
    }
    units.push(...caught.heads)
    const entries = new Entries(units, parts.labelCache)
    const slices = new Slices(parts.host.clock)
    while (entries.join()) if (slices.due) await slices.pause()
    const order = selection.inLabelOrder === true ? await inLabelOrder(entries, slices) : null
    for (const page of pages(parts, caught.view, entries, selection, order)) {
      yield page
      if (slices.due) await slices.pause()
    }
  } finally {
    caught.view.release()
  }
}

interface Caught {
  readonly view: View
  /** Those that overlap the range. */
  readonly segments: readonly Segment[]
  readonly heads: readonly Unit[]
}

/** Fixes what the selection sees. */
function catchView(parts: Parts, selection: Selection): Caught {
  assertOpen(parts)
  assertNotAborted(selection)
  if (selection.minTime > selection.maxTime) {
    throw new TsinkError('BAD_RANGE', `the range begins at ${selection.minTime}, after its end ${selection.maxTime}`)
  }
  const view = new View(parts)
  try {
    const segments = view.segments.filter(({ info }) => overlaps(selection, info))
    return { view, segments, heads: headUnits(parts, view, selection) }
  } catch (error) {
    view.release()
    throw error
  }
}

function assertNotAborted(selection: Selection): void {
  if (selection.signal?.aborted === true) throw new TsinkError('CANCELED', 'the selection was canceled', { cause: selection.signal.reason })
}

/** Whether a selection's range touches a unit's. */
function overlaps(selection: Selection, unit: { readonly base: number; readonly minTime: number; readonly maxTime: number }): boolean {
  return (
    relative(selection.minTime, unit.base, -Infinity) <= unit.maxTime && relative(selection.maxTime, unit.base, Infinity) >= unit.minTime
  )
}

function addSegmentUnit(parts: Parts, view: View, segment: Segment, index: SegmentIndex, selection: Selection, into: Unit[]): void {
  const { base, minTime, maxTime, maxSequence } = segment.info
  const items = index.select(selection.matchers)
  if (items.length === 0) return
  const from = relative(selection.minTime, base, -Infinity)
  const to = relative(selection.maxTime, base, Infinity)
  const tombstones = hiding(view.tombstones, maxSequence, base, Math.max(from, minTime), Math.min(to, maxTime))
  into.push(new SegmentUnit(parts, segment, index, items, from, to, tombstones))
}

function headUnits(parts: Parts, view: View, selection: Selection): Unit[] {
  const units: Unit[] = []
  let ids: Uint32Array | null = null
  for (const head of view.heads) {
    if (!overlaps(selection, head)) continue
    ids ??= parts.registry.select(selection.matchers)
    const caught = new CaughtSlots(head, ids)
    if (caught.count === 0) continue
    const from = relative(selection.minTime, head.base, -Infinity)
    const to = relative(selection.maxTime, head.base, Infinity)
    const tombstones = hiding(view.tombstones, head.maxSequence, head.base, Math.max(from, head.minTime), Math.min(to, head.maxTime))
    units.push(new HeadUnit(parts, caught, from, to, tombstones))
  }
  return units
}

/** So many series are joined in one piece of work. */
const JOIN_SERIES = 1_024

/** The selected series of all units, each label set once, with the places where it is found: what is in which unit. */
class Entries {
  count = 0
  readonly units: readonly Unit[]
  readonly #numbers: LabelNumbers | null
  // Of several units the same series are found by the numbers of their label sets, or by their bytes.
  readonly #byNumber: NumberTable | null
  readonly #byBytes: LabelTable | null
  readonly #first: Int32Array
  readonly #last: Int32Array
  readonly #next: Int32Array
  readonly #unit: Uint32Array
  readonly #item: Uint32Array
  // Where joining stands.
  #place = 0
  #atUnit = 0
  #atItem = 0

  constructor(units: readonly Unit[], cache: LabelCache) {
    const total = units.reduce((sum, unit) => sum + unit.count, 0)
    this.units = units
    this.#numbers = cache.numbersFor(total)
    for (const unit of units) unit.use(this.#numbers)
    this.#byNumber = units.length > 1 && this.#numbers !== null ? new NumberTable(total) : null
    this.#byBytes = units.length > 1 && this.#numbers === null ? new LabelTable() : null
    this.#unit = new Uint32Array(total)
    this.#item = new Uint32Array(total)
    this.#next = new Int32Array(total).fill(-1)
    this.#first = new Int32Array(total)
    this.#last = new Int32Array(total)
  }

  /** Does a piece of the joining; false when all is done. */
  join(): boolean {
    const unit = this.units[this.#atUnit]
    if (unit === undefined) return false
    const end = Math.min(unit.count, this.#atItem + JOIN_SERIES)
    for (let item = this.#atItem; item < end; item++) {
      const place = this.#place++
      this.#unit[place] = this.#atUnit
      this.#item[place] = item
      let entry = place
      if (this.#byNumber !== null) entry = this.#byNumber.add(unit.number(item))
      else if (this.#byBytes !== null) entry = this.#byBytes.add(unit.labelBytes(item))
      if (entry === this.count) {
        this.#first[entry] = place
        this.count++
      } else this.#next[this.#last[entry]!] = place
      this.#last[entry] = place
    }
    this.#atItem = end
    if (end === unit.count) {
      this.#atUnit++
      this.#atItem = 0
    }
    return true
  }

  /** The first place of an entry; places come in the order of units. */
  first(entry: number): number {
    return this.#first[entry]!
  }

  /** The next place of the same entry, -1 after the last. */
  next(place: number): number {
    return this.#next[place]!
  }

  unitAt(place: number): Unit {
    return this.units[this.#unit[place]!]!
  }

  itemAt(place: number): number {
    return this.#item[place]!
  }

  labels(entry: number): Labels {
    const place = this.#first[entry]!
    return this.unitAt(place).labels(this.itemAt(place))
  }

  /** The canonical label bytes of an entry; a view that the next call may overwrite. */
  labelBytes(entry: number): Uint8Array {
    const place = this.#first[entry]!
    return this.unitAt(place).labelBytes(this.itemAt(place))
  }
}

/** The entries in the order of their labels. Their label bytes are gathered in one piece of memory, where they can be compared. */
async function inLabelOrder(entries: Entries, slices: Slices): Promise<Uint32Array> {
  const { count } = entries
  const numbers = new Uint32Array(count)
  const ends = new Uint32Array(count)
  let arena = new Uint8Array(count * 64 + 1_024)
  let size = 0
  for (let entry = 0; entry < count; entry++) {
    const bytes = entries.labelBytes(entry)
    if (size + bytes.length > arena.length) {
      const larger = new Uint8Array(Math.max(2 * arena.length, size + bytes.length))
      larger.set(arena.subarray(0, size))
      arena = larger
    }
    arena.set(bytes, size)
    size += bytes.length
    numbers[entry] = entry
    ends[entry] = size
    if ((entry & 255) === 255 && slices.due) await slices.pause()
  }
  const start = (entry: number): number => (entry === 0 ? 0 : ends[entry - 1]!)
  return sortNumbers(numbers, (a, b) => compareLabelBytes(arena, start(a), ends[a]!, start(b), ends[b]!), slices)
}

function* pages(
  parts: Parts,
  view: View,
  entries: Entries,
  selection: Selection,
  order: Uint32Array | null,
): Generator<readonly SelectedSeries[]> {
  let page: SelectedSeries[] = []
  for (let i = 0; i < entries.count; i++) {
    const series = seriesOf(view, selection, entries, order === null ? i : order[i]!)
    if (series === null) continue
    page.push(series)
    if (page.length === PAGE_SERIES) {
      yield page
      assertNotAborted(selection)
      assertOpen(parts)
      page = []
    }
  }
  if (page.length > 0) yield page
}

/** One series of a selection, or null when no sample of it can be in the range. */
function seriesOf(view: View, selection: Selection, entries: Entries, entry: number): SelectedSeries | null {
  const labels = entries.labels(entry)
  const tally = selection.hints?.tally
  let kind = -1
  let isMixed = false
  let newest = -Infinity
  let windows: Window[] = []
  for (let place = entries.first(entry); place >= 0; place = entries.next(place)) {
    const unit = entries.unitAt(place)
    const { base, minTime, maxTime, tombstones, whole } = unit
    const intervals = tombstones.length === 0 ? whole : visible(tombstones, labels, base, minTime, maxTime)
    if (intervals.length === 0) continue
    const { sources } = windowAt(windows, base, minTime, maxTime)
    let kept = sources.length
    const before = kept
    unit.sources(entries.itemAt(place), minTime, maxTime, intervals, sources)
    for (let i = before; i < sources.length; i++) {
      const source = sources[i]!
      if (intervals !== whole && !isVisible(source)) continue
      sources[kept++] = source
      if (source.family !== kind) {
        isMixed ||= kind >= 0
        if (base + Math.min(source.maxTime, maxTime) < newest) continue
        kind = source.family
      }
      newest = Math.max(newest, base + Math.min(source.maxTime, maxTime))
    }
    sources.length = kept
    if (tally !== undefined) tally.chunksSkipped += unit.chunkCount(entries.itemAt(place)) - chunksIn(sources, before)
  }
  if (kind < 0) return null
  // A series that was forgotten and came back with another kind of value: the kind of the newest sample counts.
  if (isMixed) for (const { sources } of windows) sources.splice(0, sources.length, ...sources.filter(({ family }) => family === kind))
  if (windows.length > 1) windows = windows.filter((window) => window.sources.length > 0).sort((a, b) => a.base - b.base)
  if (windows.length > 1) return new WindowedSeries(labels, VALUE_KINDS[kind]!, windows, view, selection, entries, entry)
  return new StoredSeries(labels, VALUE_KINDS[kind]!, windows[0]!, view, selection, entries, entry)
}

/** The window of a base among the few there are, which is made when it is new. */
function windowAt(windows: Window[], base: number, minTime: number, maxTime: number): Window {
  for (const window of windows) if (window.base === base) return window
  const window: Window = { base, minTime, maxTime, sources: [] }
  windows.push(window)
  return window
}

/** The histogram that a series has stored before a time; undefined also where the units of the selection do not tell. */
function histogramBefore(
  view: View,
  selection: Selection,
  entries: Entries,
  entry: number,
  labels: Labels,
  base: number,
  time: number,
): Histogram | undefined {
  const sources: Source[] = []
  for (let place = entries.first(entry); place >= 0; place = entries.next(place)) {
    const unit = entries.unitAt(place)
    if (unit.base !== base) continue
    const tombstones = hiding(view.tombstones, unit.maxSequence, base, -Infinity, time - 1)
    unit.sources(entries.itemAt(place), -Infinity, time - 1, visible(tombstones, labels, base, -Infinity, time - 1), sources)
  }
  // Units that the selection does not touch are not looked into.
  const isGap = (from: number, to: number): boolean =>
    [...view.segments.map(({ info }) => info), ...view.heads].some((unit) => {
      const shift = unit.base - base
      return !overlaps(selection, unit) && unit.minTime + shift <= to && unit.maxTime + shift >= from
    })
  const ofKind = sources.filter((source) => source.family === F64 && isVisible(source))
  return lastBefore(ofKind, base, time, isGap)
}

function isVisible(source: Source): boolean {
  return source.visible.some((interval) => interval.minTime <= source.maxTime && interval.maxTime >= source.minTime)
}

/** Sources that share a base, with the selected range relative to it. */
interface Window {
  readonly base: number
  readonly minTime: number
  readonly maxTime: number
  readonly sources: Source[]
}

/** An upper bound of a window's samples. */
function countOf({ sources }: Window): number {
  let count = 0
  for (const source of sources) count += source.count
  return count
}

/** A series of which all samples have one base, as in all stores but those of nanoseconds. */
class StoredSeries implements SelectedSeries {
  readonly labels: Labels
  readonly kind: ValueKind
  protected window: Window
  readonly #view: View
  readonly #selection: Selection
  readonly #entries: Entries
  readonly #entry: number

  constructor(labels: Labels, kind: ValueKind, window: Window, view: View, selection: Selection, entries: Entries, entry: number) {
    this.labels = labels
    this.kind = kind
    this.window = window
    this.#view = view
    this.#selection = selection
    this.#entries = entries
    this.#entry = entry
  }

  get maxSamples(): number {
    return countOf(this.window)
  }

  read(into: SampleBuffer): void {
    const { sources, base, minTime, maxTime } = this.window
    // Before: what was read may lie in memory that looking at chunks uses.
    if (this.#selection.hints?.tally !== undefined) countDecoded(sources, this.#selection.hints.tally)
    if (sources.length === 1 && this.#selection.hints?.last === true) readNewest(sources[0]!, base, minTime, maxTime, into)
    else {
      // Room for all of it at once: growing step by step would copy what was decoded again and again.
      into.clear()
      into.reserve(countOf(this.window))
      readSources(sources, base, minTime, maxTime, into)
    }
    if (into.count === 0) {
      into.begin(this.kind)
      into.base = base
    } else if (into.histograms !== null) setHints(into, (time) => this.#before(base, time))
  }

  readPieces(into: SampleBuffer, fits: (minTime: number, maxTime: number) => boolean, take: (summary: SampleSummary | null) => void): void {
    const { sources, base, minTime, maxTime } = this.window
    readPieces(sources, base, minTime, maxTime, into, fits, take)
  }

  *readRuns(into: SampleBuffer, most: number): Generator<void, void, undefined> {
    const { sources, base, minTime, maxTime } = this.window
    for (const _ of readRuns(sources, base, minTime, maxTime, into, most)) {
      if (into.histograms !== null) setHints(into, (time) => this.#before(base, time))
      yield
    }
  }

  #before(base: number, time: number): Histogram | undefined {
    return histogramBefore(this.#view, this.#selection, this.#entries, this.#entry, this.labels, base, time)
  }
}

/** A series in several windows of time, each with a base of its own. */
class WindowedSeries extends StoredSeries {
  readonly #windows: readonly Window[]
  #at = 0

  constructor(
    labels: Labels,
    kind: ValueKind,
    windows: readonly Window[],
    view: View,
    selection: Selection,
    entries: Entries,
    entry: number,
  ) {
    super(labels, kind, windows[0]!, view, selection, entries, entry)
    this.#windows = windows
  }

  override get maxSamples(): number {
    let samples = 0
    for (const window of this.#windows) samples += countOf(window)
    return samples
  }

  nextWindow(): boolean {
    if (this.#at + 1 >= this.#windows.length) return false
    this.window = this.#windows[++this.#at]!
    return true
  }
}
