import type { BlobRow } from '../rows/blob-row.ts'
import { blobIdAt } from '../segments/segment-writer.ts'

/** Of 8 octets each. */
const placeCount = 65_536
/** A shorter body is read and tested again as soon as its place is looked for. */
const leastBodyBytes = 8 * 1024
/** Then all are read anew: a disk that has spoilt one since is noticed without another start. */
export const verifiedForMs = 10 * 60_000

type Place = Pick<BlobRow, 'segment' | 'offset' | 'bodyBytes'>

/**
 * Frames whose bodies had the right checksum when they were read: of these a part can be read alone. What lies at a
 * place does not change: after compaction it is another place. Of two that fall together the later one is known.
 */
export class VerifiedPlaces {
  /** -1: none. */
  readonly #places = new Float64Array(placeCount).fill(-1)
  #untilMs = performance.now() + verifiedForMs

  add(place: Place): void {
    this.#forget()
    if (place.bodyBytes >= leastBodyBytes) this.#places[slotOf(place)] = blobIdAt(place.segment, place.offset)
  }

  has(place: Place): boolean {
    this.#forget()
    return (
      place.bodyBytes >= leastBodyBytes &&
      this.#places[slotOf(place)] === blobIdAt(place.segment, place.offset)
    )
  }

  #forget(): void {
    const nowMs = performance.now()
    if (nowMs < this.#untilMs) return
    this.#untilMs = nowMs + verifiedForMs
    this.#places.fill(-1)
  }
}

const slotOf = ({ segment, offset }: Place): number =>
  Math.imul(Math.imul(segment, 0x9e37_79b1) ^ offset, 0x85eb_ca6b) >>> 16
