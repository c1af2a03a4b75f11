/** Rows of each of the two generations. */
const generationRows = 512

/**
 * Rows that this process's transactions read last, by key (latin1); null = there is none. Valid as long
 * as nobody else has written: the same few rows (counters, mailboxes, the segment) belong to every message, and
 * reading one from the index costs ten times as much.
 */
export class RowCache {
  /** What rows say, frozen: as long as somebody has the row. */
  readonly parsed = new WeakMap<Buffer, unknown>()
  #young = new Map<string, Buffer | null>()
  #old = new Map<string, Buffer | null>()

  /** undefined: not known. */
  get(name: string): Buffer | null | undefined {
    const young = this.#young.get(name)
    if (young !== undefined) return young
    const old = this.#old.get(name)
    if (old !== undefined) this.set(name, old)
    return old
  }

  set(name: string, value: Buffer | null): void {
    this.#young.set(name, value)
    if (this.#young.size < generationRows) return
    this.#old = this.#young
    this.#young = new Map()
  }

  /**
   * What a row says now, for those who read it again. One that nobody has read stays out: most rows of a message are
   * written once, and each is a piece of a block of memory that it would keep.
   */
  update(name: string, value: Buffer | null): void {
    if (this.#young.has(name) || this.#old.has(name)) this.set(name, value)
  }

  clear(): void {
    if (this.#young.size === 0 && this.#old.size === 0) return
    this.#young = new Map()
    this.#old = new Map()
  }
}
