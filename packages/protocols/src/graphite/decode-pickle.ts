/**
 * Graphite's pickles, as carbon's relays send them to its port 2004: frames of a length (four bytes, the highest first) and a pickled list.
 *
 *     [('servers.web01.cpu;dc=eu', (1700000000, 42.5)), ...]
 */
import { BatchWriter } from '../batch-writer.ts'
import { badBody, Rejected, tooLarge, type Decoded } from '../decoded.ts'
import { parseNumber } from '../decimal.ts'
import { LineProblem } from '../line-problem.ts'
import type { GraphiteTemplate } from './content.ts'
import type { GraphiteOptions } from './decode.ts'
import { GRAPHITE_LIMITS } from './limits.ts'
import { PickledText, unpickle, type Pickled } from './pickle.ts'
import { graphiteSlot } from './series.ts'

/**
 * Decodes whole frames. A bad point costs only itself, a frame that is no list of points only that frame.
 * @throws TsinkError BAD_REQUEST when the bytes are no frames, TOO_LARGE
 */
export function decodeGraphitePickle(body: Uint8Array, options: GraphiteOptions): Decoded {
  if (body.length > GRAPHITE_LIMITS.bodyBytes) throw tooLarge('Graphite body bytes', body.length, GRAPHITE_LIMITS.bodyBytes)
  const batch = new BatchWriter(options)
  const rejected = new Rejected()
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  for (let start = 0, frame = 1; start < body.length; frame++) {
    const length = start + 4 <= body.length ? view.getUint32(start) : Infinity
    if (length > GRAPHITE_LIMITS.pickleBytes || length > body.length - start - 4)
      throw badBody('Graphite pickle', `frame ${frame}`, 'it is cut off, or the bytes are no frames of pickles')
    const end = start + 4 + length
    try {
      decodePoints(unpickle(body, start + 4, end), `frame ${frame}`, batch, rejected, options)
    } catch (problem) {
      if (!(problem instanceof LineProblem)) throw problem
      rejected.add(`frame ${frame}, byte ${problem.at - start - 4}`, problem.message)
    }
    start = end
  }
  return { batch: batch.build(), rejected }
}

/** How many bytes of a piece are whole frames; -1 when it begins with a frame that is too long. */
export function wholePickleFrames(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let end = 0
  while (end + 4 <= bytes.length) {
    const length = view.getUint32(end)
    if (length > GRAPHITE_LIMITS.pickleBytes) return end === 0 ? -1 : end
    if (length > bytes.length - end - 4) break
    end += 4 + length
  }
  return end
}

function decodePoints(points: Pickled, frame: string, batch: BatchWriter, rejected: Rejected, options: GraphiteOptions): void {
  if (!Array.isArray(points)) throw new LineProblem(0, 'expected a list of points')
  const paths = new Paths(batch, options.templates ?? [])
  points.forEach((point: Pickled, i) => {
    try {
      decodePoint(point, batch, paths, options.now)
    } catch (problem) {
      if (!(problem instanceof LineProblem)) throw problem
      rejected.add(`${frame}, point ${i}`, problem.message)
    }
  })
}

function decodePoint(point: Pickled, batch: BatchWriter, paths: Paths, now: number): void {
  const [path, sample] = pair(point, 'a point (path, (time, value))')
  const [time, value] = pair(sample, 'a pair (time, value)')
  if (!(path instanceof PickledText)) throw new LineProblem(0, 'the path is no text')
  if (path.end - path.start > GRAPHITE_LIMITS.lineBytes)
    throw new LineProblem(0, `the path is longer than ${GRAPHITE_LIMITS.lineBytes} bytes`)
  const seconds = numberOf(time)
  if (seconds === null || !Number.isFinite(seconds)) throw new LineProblem(0, 'the time is no number of seconds')
  const number = numberOf(value)
  if (number === null) throw new LineProblem(0, 'the value is no number')
  batch.float(paths.slot(path), seconds === -1 ? now : Math.round(seconds * 1e3), number)
}

/** The slots of a pickle's paths. One text may stand for any number of points, at two bytes each: it is looked at once. */
class Paths {
  readonly #known = new Map<PickledText, number | LineProblem>()
  readonly #batch: BatchWriter
  readonly #templates: readonly GraphiteTemplate[]

  constructor(batch: BatchWriter, templates: readonly GraphiteTemplate[]) {
    this.#batch = batch
    this.#templates = templates
  }

  /** @throws LineProblem */
  slot(path: PickledText): number {
    let slot = this.#known.get(path)
    if (slot === undefined) {
      slot = this.#find(path)
      this.#known.set(path, slot)
    }
    if (typeof slot === 'number') return slot
    throw slot
  }

  #find({ bytes, start, end }: PickledText): number | LineProblem {
    try {
      return graphiteSlot(bytes, start, end, this.#batch, this.#templates)
    } catch (problem) {
      if (problem instanceof LineProblem) return problem
      throw problem
    }
  }
}

function pair(value: Pickled, what: string): readonly [Pickled, Pickled] {
  if (!Array.isArray(value) || value.length !== 2) throw new LineProblem(0, `expected ${what}`)
  return value as unknown as readonly [Pickled, Pickled]
}

/** A number, a boolean, or a text that is a number, as carbon takes them. */
function numberOf(value: Pickled): number | null {
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value)
  return value instanceof PickledText ? (parseNumber(value.bytes, value.start, value.end) ?? null) : null
}
