/** Items of neighbouring messages as they are sent. Never modified. */
export interface RenderedRows {
  readonly messageIds: Float64Array
  /** Item k of row r are the octets from `ends[r * items + k - 1]` (0 for the first one) to `ends[r * items + k]`. */
  readonly ends: Uint32Array
  readonly octets: Buffer
}

/** Enough for the lists of some 20,000 messages. */
const defaultMaxBytes = 32 * 1024 * 1024
/** What the objects of one entry cost beside their octets. */
const entryBytes = 600
/** Longer ones are not asked for twice. */
const maxSignatureLength = 2_000
const maxSignatures = 256

/**
 * Answers that were given before, for all sessions of a process. What is known of a message never changes and
 * its id is never used again, so nothing here can be out of date; the ones used longest ago make room.
 */
export class RenderedCache {
  readonly #maxBytes: number
  readonly #entries = new Map<string, RenderedRows>()
  readonly #signatures = new Map<string, number>()
  #nextSignature = 0
  #bytes = 0

  constructor(maxBytes = defaultMaxBytes) {
    this.#maxBytes = maxBytes
  }

  get sizeBytes(): number {
    return this.#bytes
  }

  /** A short name for a list of items; undefined: not worth keeping. */
  signature(items: string): number | undefined {
    if (items.length > maxSignatureLength) return undefined
    let known = this.#signatures.get(items)
    if (known === undefined) {
      if (this.#signatures.size >= maxSignatures) this.clear()
      known = this.#nextSignature++
      this.#signatures.set(items, known)
    }
    return known
  }

  find(key: string): RenderedRows | undefined {
    const rows = this.#entries.get(key)
    if (rows === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, rows)
    return rows
  }

  put(key: string, rows: RenderedRows): void {
    const former = this.#entries.get(key)
    // Fewer rows of the same messages: the former ones are asked for more often.
    if (former !== undefined && former.messageIds.length > rows.messageIds.length) return
    if (former !== undefined) this.#drop(key, former)
    this.#entries.set(key, rows)
    this.#bytes += sizeOf(rows)
    for (const [oldest, each] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break
      this.#drop(oldest, each)
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#signatures.clear()
    this.#bytes = 0
  }

  #drop(key: string, rows: RenderedRows): void {
    this.#entries.delete(key)
    this.#bytes -= sizeOf(rows)
  }
}

function sizeOf({ messageIds, ends, octets }: RenderedRows): number {
  return messageIds.byteLength + ends.byteLength + octets.length + entryBytes
}
