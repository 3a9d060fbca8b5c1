/** Shelf: the live segments. */
import type { Segment, SegmentIndex } from '@tsink/segment'

export class Shelf {
  segments: readonly Segment[] = []

  indexOf(segment: Segment): SegmentIndex | null {
    return segment.index()
  }

  readChunk(segment: Segment, index: SegmentIndex, chunk: number): Uint8Array {
    return segment.readChunk(index, chunk)
  }
}
