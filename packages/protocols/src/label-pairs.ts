/** Labels in the protobuf messages of Prometheus: every one is a message of a name (1) and a value (2). */
import { BYTES, type ProtoReader, type ProtoWriter } from './protobuf.ts'

/** Reads the pair whose length the reader stands at. */
export function decodePair(reader: ProtoReader): [name: string, value: string] {
  const outer = reader.enter()
  let name = ''
  let value = ''
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | BYTES)) name = reader.string()
    else if (tag === ((2 << 3) | BYTES)) value = reader.string()
    else reader.skip(tag)
  }
  reader.leave(outer)
  return [name, value]
}

/** Writes each label as a message in field 1; `pair` is scratch. */
export function encodePairs(into: ProtoWriter, pair: ProtoWriter, labels: Iterable<readonly [string, string]>): void {
  for (const [name, value] of labels) {
    pair.clear()
    pair.stringField(1, name)
    pair.stringField(2, value)
    into.message(1, pair)
  }
}
