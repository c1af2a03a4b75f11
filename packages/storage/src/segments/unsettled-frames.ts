import type { PendingFrame } from './segment-writer.ts'

interface Unsettled {
  /** Ascending. */
  readonly frames: Set<PendingFrame>
  /** End of the last one that is settled. */
  endBytes: number
}

/** Frames of this process whose unit of work is not decided yet. */
export class UnsettledFrames {
  readonly #segments = new Map<number, Unsettled>()

  add(frame: PendingFrame): void {
    const unsettled = this.#segments.get(frame.segment)
    if (unsettled === undefined) this.#segments.set(frame.segment, { frames: new Set([frame]), endBytes: 0 })
    else unsettled.frames.add(frame)
  }

  /** Decided. Returns the offset in its segment before which all frames are. */
  settle(frame: PendingFrame): number {
    const unsettled = this.#segments.get(frame.segment) ?? { frames: new Set(), endBytes: 0 }
    const { frames } = unsettled
    frames.delete(frame)
    unsettled.endBytes = Math.max(unsettled.endBytes, frame.offset + frame.sizeBytes)
    const first = frames.values().next().value
    if (first === undefined) this.#segments.delete(frame.segment)
    return first?.offset ?? unsettled.endBytes
  }

  /** It is not in the file: nothing will be decided about it. */
  drop(frame: PendingFrame): void {
    this.#segments.get(frame.segment)?.frames.delete(frame)
  }

  /** Whether the index may still come to name frames of this segment that it does not name now. */
  areIn(segment: number): boolean {
    return (this.#segments.get(segment)?.frames.size ?? 0) > 0
  }
}
