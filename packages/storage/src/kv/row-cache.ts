/** Rows of each of the two generations. */
const generationRows = 512
/** Memory for the next rows is taken in such blocks. */
const blockBytes = 16 * 1024
/** Blocks that kept rows may be pieces of: then they move closer together. */
const maxBlocks = 128

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
  #block: Buffer | undefined
  #usedBytes = 0

  /** undefined: not known. */
  get(name: string): Buffer | null | undefined {
    const young = this.#young.get(name)
    if (young !== undefined) return young
    const old = this.#old.get(name)
    if (old !== undefined) this.#keep(name, old)
    return old
  }

  /**
   * Keeps and gives a copy. The row as it came is a piece of a block that Node gave for all the small buffers of some
   * messages, and for messages, too: who keeps it keeps all of them, until a thorough collection of garbage.
   */
  set(name: string, value: Buffer): Buffer
  set(name: string, value: Buffer | null): Buffer | null
  set(name: string, value: Buffer | null): Buffer | null {
    const kept = value && this.#copyOf(value)
    this.#keep(name, kept)
    if (this.#blocks >= maxBlocks) this.#gather()
    return kept
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
    this.#blocks = 0
    this.#block = undefined
  }

  #keep(name: string, value: Buffer | null): void {
    this.#young.set(name, value)
    if (this.#young.size < generationRows) return
    this.#old = this.#young
    this.#young = new Map()
  }

  #copyOf(value: Buffer): Buffer {
    let block = this.#block
    if (block === undefined || this.#usedBytes + value.length > block.length) {
      block = Buffer.allocUnsafeSlow(Math.max(blockBytes, value.length))
      this.#block = block
      this.#blocks++
      this.#usedBytes = 0
    }
    const start = this.#usedBytes
    // A value where LMDB's binding puts it has more room than octets.
    this.#usedBytes += value.copy(block, start, 0, value.length)
    return block.subarray(start, this.#usedBytes)
  }

  /**
   * A row keeps the whole block that it is a piece of; a thousand rows of a thousand moments would keep 16 MB. What others hold of
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
