/**
 * The codecs: bytes and nanoseconds a sample for every codec on every shape, the kernel beside its plain twin beside Gorilla with
 * delta-of-delta, and the promises of the design with verdicts.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { SampleBuffer } from '@tsink/core'
import { VALUE_CODECS, crc32c, decodeChunk, decodeFloats, encodeFloats, encodeTimestamps, openChunk, sealChunk } from '@tsink/codecs'
import { SHARED_MEMORY_BYTES, TARGET_BITS, createKernel, kernelCodecLoops, plainCodecLoops, type CodecLoops } from '@tsink/kernel'
import { corpus } from '@tsink/testing'
import { CHUNK_SAMPLES, Dice, scrapes, timestampShapes, valueShapes, type Shape } from './codec-data.ts'
import { gorillaTimestampBytes, gorillaValueBytes } from './gorilla.ts'
import { race, table, verdicts, type Goal, type Suite } from './suite.ts'

type LoopName = 'decimal' | 'xor' | 'bits' | 'packed' | 'delta-of-delta'

interface LoopResult {
  readonly encodeKernel: number
  readonly encodePlain: number
  readonly decodeKernel: number
  readonly decodePlain: number
  readonly bytesPerSample: number
}

export const suite: Suite = ({ quick }) => {
  const chunks = quick ? 20 : 64
  const rounds = quick ? 1 : 15
  const kernel = kernelCodecLoops(createKernel(SHARED_MEMORY_BYTES))
  const plain = plainCodecLoops()
  const goals: Goal[] = []
  const loopRows: string[][] = [['loop, shape', 'B/sample', 'encode ns: kernel', 'twin', 'ratio', 'decode ns: kernel', 'twin', 'ratio']]
  const decodeRatios = new Map<LoopName, number[]>()
  const measureLoop = (name: LoopName, shape: Shape): void => {
    const result = raceLoop(name, shape, kernel, plain, rounds)
    if (result === null) return
    const ratio = result.decodePlain / result.decodeKernel
    decodeRatios.set(name, [...(decodeRatios.get(name) ?? []), ratio])
    loopRows.push([
      `${name}, ${shape.name}`,
      result.bytesPerSample.toFixed(3),
      result.encodeKernel.toFixed(2),
      result.encodePlain.toFixed(2),
      (result.encodePlain / result.encodeKernel).toFixed(1),
      result.decodeKernel.toFixed(2),
      result.decodePlain.toFixed(2),
      ratio.toFixed(1),
    ])
  }
  const values = valueShapes(chunks)
  const times = timestampShapes(chunks)
  for (const shape of values) {
    measureLoop('decimal', shape)
    measureLoop('xor', shape)
    if (shape.name === 'full entropy') measureLoop('bits', shape)
  }
  for (const shape of times) {
    measureLoop('packed', shape)
    measureLoop('delta-of-delta', shape)
  }

  const chunkRows: string[][] = [
    ['chunk: values with scrape times', 'B/sample', 'Gorilla + dod', 'of it', 'seal ns', 'decode ns', 'open ns', 'range of 10 us'],
  ]
  const sizes = new Map<string, number>()
  for (const shape of values) {
    const { bytes, gorilla, seal, decode, open, range } = raceChunk(shape, rounds)
    sizes.set(shape.name, bytes / gorilla)
    const per = shape.columns.length * CHUNK_SAMPLES
    chunkRows.push([
      shape.name,
      (bytes / per).toFixed(3),
      (gorilla / per).toFixed(3),
      (bytes / gorilla).toFixed(3),
      (seal / per).toFixed(2),
      (decode / per).toFixed(2),
      (open / shape.columns.length).toFixed(0),
      (range / shape.columns.length / 1_000).toFixed(2),
    ])
  }
  const timeRows: string[][] = [['timestamps', 'B/sample', 'delta-of-delta', 'of it']]
  for (const shape of times) {
    const per = shape.columns.length * CHUNK_SAMPLES
    const ours = total(shape.columns, (column) => encodeTimestamps(column).length)
    const gorilla = total(shape.columns, gorillaTimestampBytes)
    timeRows.push([shape.name, (ours / per).toFixed(3), (gorilla / per).toFixed(3), (ours / gorilla).toFixed(3)])
  }

  const mixRatio = sizes.get('node_exporter mix')!
  goals.push(goal('node_exporter mix: bytes against Gorilla + delta-of-delta', 'at most 0.50', mixRatio, mixRatio <= 0.5))
  const corpusText = measureCorpus(goals, rounds)
  for (const [name, want, label] of [
    ['decimal', 2, 'decimal decode: kernel against twin, median of shapes'],
    ['packed', 2, 'integer packer decode: kernel against twin, median of shapes'],
    ['xor', 3, 'Gorilla decode: kernel against twin, median of shapes'],
  ] as const) {
    const ratios = (decodeRatios.get(name) ?? []).toSorted((a, b) => a - b)
    const ratio = ratios[ratios.length >> 1]!
    goals.push(goal(label, `at least ${want}.0`, ratio, ratio >= want))
  }
  const text = [
    `${chunks} chunks of ${CHUNK_SAMPLES} samples a shape, lower quartile of ${rounds} interleaved rounds; ns a sample unless said otherwise`,
    table(loopRows),
    table(chunkRows),
    table(timeRows),
    corpusText,
    verdicts(goals),
  ].join('\n\n')
  return Promise.resolve({ text, goals })
}

// One codec's loops over all columns of a shape, kernel and twin in turn, with the copies in and out that a caller pays.
function raceLoop(name: LoopName, shape: Shape, kernel: CodecLoops, plain: CodecLoops, rounds: number): LoopResult | null {
  const columns: Encoded[] = []
  for (const column of everyFourth(shape.columns)) {
    kernel.doubles.set(column)
    const exponent = name === 'decimal' ? kernel.decimalExponent(CHUNK_SAMPLES) : -1
    if (name === 'decimal' && exponent < 0) continue
    const size = encodeLoop(kernel, name, column)
    if (name === 'decimal' && kernel.decimalsToWords(CHUNK_SAMPLES, exponent) > 0) continue
    columns.push({ column, exponent, bytes: kernel.bytes.slice(0, size) })
  }
  if (columns.length === 0) return null
  const samples = columns.length * CHUNK_SAMPLES
  const encodedSum = columns.reduce((sum, { bytes }) => (sum + crc32c(bytes)) >>> 0, 0)
  const encode = (loops: CodecLoops) => (): number => {
    let sum = 0
    for (const { column, bytes } of columns) {
      const size = encodeLoop(loops, name, column)
      sum += size === bytes.length ? loops.bytes[size >> 1]! : NaN
    }
    return sum
  }
  const out = new Float64Array(CHUNK_SAMPLES)
  const decode = (loops: CodecLoops) => (): number => {
    let sum = 0
    for (const { bytes, exponent } of columns) {
      loops.bytes.set(bytes)
      decodeLoop(loops, name, bytes.length, exponent)
      out.set(loops.doubles.subarray(0, CHUNK_SAMPLES))
      sum += checksum(out)
    }
    return sum
  }
  // Both sides write the same bytes and give back every bit: checked once in full, then by samples inside the race.
  for (const loops of [kernel, plain]) {
    let sum = 0
    for (const { column, exponent, bytes } of columns) {
      sum = (sum + crc32c(loops.bytes.slice(0, encodeLoop(loops, name, column)))) >>> 0
      loops.bytes.set(bytes)
      decodeLoop(loops, name, bytes.length, exponent)
      if (crc32c(bytesOf(loops.doubles.slice(0, CHUNK_SAMPLES))) !== crc32c(bytesOf(column)))
        throw new Error(`${name} lost a bit of ${shape.name}`)
    }
    if (sum !== encodedSum) throw new Error(`${name}: kernel and twin write different bytes for ${shape.name}`)
  }
  const encoded = columns.reduce((sum, { bytes }) => sum + bytes[bytes.length >> 1]!, 0)
  const decoded = columns.reduce((sum, { column }) => sum + checksum(column), 0)
  const encodeTimes = race(
    [
      { name: 'kernel', run: encode(kernel) },
      { name: 'plain', run: encode(plain) },
    ],
    rounds,
    encoded,
  )
  const decodeTimes = race(
    [
      { name: 'kernel', run: decode(kernel) },
      { name: 'plain', run: decode(plain) },
    ],
    rounds,
    decoded,
  )
  const nanoseconds = (milliseconds: number): number => (milliseconds * 1e6) / samples
  return {
    encodeKernel: nanoseconds(encodeTimes.get('kernel')!),
    encodePlain: nanoseconds(encodeTimes.get('plain')!),
    decodeKernel: nanoseconds(decodeTimes.get('kernel')!),
    decodePlain: nanoseconds(decodeTimes.get('plain')!),
    bytesPerSample: total(columns, ({ bytes }) => bytes.length) / samples,
  }
}

interface Encoded {
  readonly column: Float64Array
  readonly exponent: number
  readonly bytes: Uint8Array
}

// Encodes a column to the start of the loops' bytes; answers the size.
function encodeLoop(loops: CodecLoops, name: LoopName, column: Float64Array): number {
  const count = column.length
  loops.doubles.set(column)
  switch (name) {
    case 'decimal':
      loops.decimalsToWords(count, loops.decimalExponent(count))
      loops.planPacked(count, false)
      return loops.writePacked(0)
    case 'bits':
      loops.bitsToWords(count)
      loops.planPacked(count, false)
      return loops.writePacked(0)
    case 'packed':
      loops.integersToWords(count)
      loops.planPacked(count, true)
      return loops.writePacked(0)
    case 'xor':
      loops.planXor(count)
      return loops.writeXor(0)
    case 'delta-of-delta':
      loops.planDeltaOfDelta(count)
      return loops.writeDeltaOfDelta(0)
  }
}

function decodeLoop(loops: CodecLoops, name: LoopName, size: number, exponent: number): void {
  const count = CHUNK_SAMPLES
  if (name === 'decimal') loops.readPacked(0, size, count, 0, count, exponent)
  else if (name === 'bits') loops.readPacked(0, size, count, 0, count, TARGET_BITS)
  else if (name === 'packed') loops.readPacked(0, size, count, 0, count, 0)
  else if (name === 'xor') loops.readXor(0, size, count, 0, count)
  else loops.readDeltaOfDelta(0, size, count, 0, count)
}

// Whole chunks through the public API: bytes, and milliseconds (open and range: nanoseconds) for all columns of the shape.
function raceChunk(
  shape: Shape,
  rounds: number,
): { bytes: number; gorilla: number; seal: number; decode: number; open: number; range: number } {
  const buffers = shape.columns.map((column, i) => {
    const buffer = new SampleBuffer(CHUNK_SAMPLES)
    scrapes(new Dice(i * 31 + 5), buffer.timestamps)
    buffer.values.set(column)
    buffer.count = CHUNK_SAMPLES
    return buffer
  })
  const chunks = buffers.map((buffer) => sealChunk(buffer))
  const bytes = total(chunks, (chunk) => chunk.length)
  const gorilla = total(buffers, (buffer) => gorillaTimestampBytes(buffer.timestamps) + gorillaValueBytes(buffer.values))
  const into = new SampleBuffer(CHUNK_SAMPLES)
  const sum = buffers.reduce((all, buffer) => all + (checksum(buffer.values) + buffer.timestamps[77]!), 0)
  const decode = (): number => {
    let all = 0
    for (const chunk of chunks) {
      into.clear()
      decodeChunk(chunk, into, -Infinity, Infinity)
      all += checksum(into.values) + into.timestamps[77]!
    }
    return all
  }
  const few = everyFourth(buffers)
  const fewBytes = total(few, (buffer) => sealChunk(buffer).length)
  const seal = race([{ name: 'seal', run: () => total(few, (buffer) => sealChunk(buffer).length) }], rounds, fewBytes).get('seal')!
  const decoded = race([{ name: 'decode', run: decode }], rounds, sum).get('decode')!
  const open = race(
    [{ name: 'open', run: () => total(chunks, (chunk) => openChunk(chunk).count) }],
    rounds,
    chunks.length * CHUNK_SAMPLES,
  ).get('open')!
  // Ten samples in the middle of a chunk.
  const range = race(
    [
      {
        name: 'range',
        run: () => {
          let count = 0
          for (let i = 0; i < chunks.length; i++) {
            into.clear()
            count += decodeChunk(chunks[i]!, into, buffers[i]!.timestamps[1_000]!, buffers[i]!.timestamps[1_009]!)
          }
          return count
        },
      },
    ],
    rounds,
    10 * chunks.length,
  ).get('range')!
  return { bytes, gorilla, seal: seal * 1e6 * (buffers.length / few.length), decode: decoded * 1e6, open: open * 1e6, range: range * 1e6 }
}

// The real series: what the chooser makes of them, against Gorilla.
function measureCorpus(goals: Goal[], rounds: number): string {
  const found = corpus('floats')
  if (found.path === null) return found.skip
  const series = readdirSync(found.path)
    .filter((name) => name.endsWith('.csv'))
    .map((file) => {
      const values = Float64Array.from(readFileSync(join(found.path, file), 'utf8').trim().split(/\s+/), Number)
      const encoded = encodeFloats(values)
      if (crc32c(bytesOf(decodeFloats(encoded))) !== crc32c(bytesOf(values))) throw new Error(`a bit of ${file} was lost`)
      return { name: file.replace('.csv', ''), values, encoded, gorilla: gorillaValueBytes(values) }
    })
  // Each contender does its work ten times and answers 1 when the result has the right size, or the right value at one place.
  const encode = race(
    series.map(({ name, values, encoded }) => ({
      name,
      run: () => {
        let right = 1
        for (let k = 0; k < 10; k++) if (encodeFloats(values).length !== encoded.length) right = 0
        return right
      },
    })),
    rounds,
    1,
  )
  const into = new Float64Array(1_024)
  const decode = race(
    series.map(({ name, values, encoded }) => ({
      name,
      run: () => {
        let right = 1
        for (let k = 0; k < 10; k++) if (!Object.is(decodeFloats(encoded, into)[500], values[500])) right = 0
        return right
      },
    })),
    rounds,
    1,
  )
  const rows: string[][] = [['corpus of real floats', 'samples', 'B/sample', 'codec', 'Gorilla', 'of it', 'encode ns', 'decode ns']]
  for (const { name, values, encoded, gorilla } of series) {
    const count = values.length
    const nanoseconds = (times: Map<string, number>): string => ((times.get(name)! * 1e5) / count).toFixed(2)
    rows.push([
      name,
      String(count),
      (encoded.length / count).toFixed(3),
      VALUE_CODECS[encoded[count < 128 ? 1 : 2]!]!,
      (gorilla / count).toFixed(3),
      (encoded.length / gorilla).toFixed(3),
      nanoseconds(encode),
      nanoseconds(decode),
    ])
  }
  const ratio = total(series, ({ encoded }) => encoded.length) / total(series, ({ gorilla }) => gorilla)
  const worst = Math.max(...series.map(({ encoded, gorilla }) => encoded.length - gorilla))
  rows.push(['all', '', '', '', '', ratio.toFixed(3), '', ''])
  goals.push(goal('corpus of real floats: the chooser against Gorilla in total', 'at most 0.75', ratio, ratio <= 0.75))
  goals.push(goal('corpus of real floats: bytes above Gorilla, worst series', 'at most 32', worst, worst <= 32))
  return table(rows)
}

// Short races: what runs longer than the scheduler's slice is interrupted on a busy machine, and only that.
function everyFourth<T>(items: readonly T[]): T[] {
  return items.filter((_, i) => i % 4 === 1)
}

function goal(name: string, want: string, found: number, met: boolean): Goal {
  return { name, want, found: found.toFixed(2), met }
}

// Cheap, so that it does not drown what is measured: some samples. Full checks come before the race.
function checksum(values: Float64Array): number {
  return values[1]! + values[130]! + values[1_023]! + values[2_047]!
}

function bytesOf(values: Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

function total<T>(items: readonly T[], size: (item: T) => number): number {
  let sum = 0
  for (const item of items) sum += size(item)
  return sum
}
