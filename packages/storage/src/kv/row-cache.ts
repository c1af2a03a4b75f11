/** Rows of each of the two generations. */
const generationRows = 512
/** Blocks of small buffers, 64 KB each, that kept rows may be pieces of: then the rows get memory of their own. */
const maxBlocks = 64

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
  #blocks = 0
  #block: ArrayBufferLike | undefined

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
    if (this.#young.size >= generationRows) {
      this.#old = this.#young
      this.#young = new Map()
    }
    if (value === null || value.buffer === this.#block) return
    this.#block = value.buffer
    if (++this.#blocks >= maxBlocks) this.#gather()
  }

  /**
   * What a row says now, for those who read it again. One that nobody has read stays out: most rows of a message are
   * written once.
   */
  update(name: string, value: Buffer | null): void {
    if (this.#young.has(name) || this.#old.has(name)) this.set(name, value)
  }

  clear(): void {
    if (this.#young.size === 0 && this.#old.size === 0) return
    this.#young = new Map()
    this.#old = new Map()
  }

  /**
   * A row keeps the whole block that it is a piece of; a thousand rows of a thousand moments would keep 64 MB. What others hold of
   * the former pieces stays as it is.
   */
  #gather(): void {
    let octets = 0
    for (const rows of [this.#old, this.#young])
      for (const value of rows.values()) octets += value?.length ?? 0
    const room = Buffer.allocUnsafeSlow(octets)
    let at = 0
    for (const rows of [this.#old, this.#young])
      for (const [name, former] of rows) {
        if (former === null) continue
        const value = room.subarray(at, at + former.copy(room, at))
        at += value.length
        rows.set(name, value)
        const said = this.parsed.get(former)
        if (said !== undefined) this.parsed.set(value, said)
      }
    this.#blocks = 0
    this.#block = undefined
  }
}
