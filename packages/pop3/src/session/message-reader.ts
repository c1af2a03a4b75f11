import type { MailboxId, Store, Uid } from '@posthorn/storage'

/** Messages up to this size are read whole, and ahead of a client that retrieves one after the other. */
export const wholeLimitBytes = 131_072
const pieceBytes = 262_144
const aheadLimitBytes = 262_144
const aheadLimitCount = 64

/** Reads messages for RETR: several small ones at a time where the client goes through them in order. */
export class MessageReader {
  readonly #store: Store
  readonly #mailbox: MailboxId
  readonly #uids: Uint32Array
  #ahead = new Map<number, Uint8Array>()
  /** The stretch behind `#ahead`, being read while that one is sent. */
  #next:
    | { readonly from: number; readonly end: number; readonly read: Promise<Map<number, Uint8Array>> }
    | undefined
  #aheadEnd = 0
  #lastNumber = 0

  constructor(store: Store, mailbox: MailboxId, uids: Uint32Array) {
    this.#store = store
    this.#mailbox = mailbox
    this.#uids = uids
  }

  /** All octets of a message of at most `wholeLimitBytes`; undefined when it is gone. */
  whole(number: number, sizes: Float64Array): Uint8Array | Promise<Uint8Array | undefined> {
    const inOrder = number === this.#lastNumber + 1
    this.#lastNumber = number
    const ready = this.#ahead.get(number)
    if (ready !== undefined) {
      this.#ahead.delete(number)
      if (inOrder && this.#next === undefined) this.#readNext(this.#aheadEnd + 1, sizes)
      return ready
    }
    if (inOrder) return this.#inOrder(number, sizes)
    this.clear()
    return this.#store.messages.read(this.#mailbox, this.#uids[number - 1] as Uid)
  }

  /** A large message piece by piece; the next piece is read while the last one is being sent. */
  async *pieces(number: number, sizeBytes: number): AsyncGenerator<Uint8Array> {
    this.#lastNumber = number
    const uid = this.#uids[number - 1] as Uid
    const read = (start: number): Promise<Uint8Array | undefined> =>
      this.#store.messages.read(this.#mailbox, uid, start, Math.min(start + pieceBytes, sizeBytes))
    let next = read(0)
    for (let start = 0; start < sizeBytes; ) {
      const piece = await next
      if (piece === undefined || piece.length === 0) throw new PieceMissing(start)
      start += piece.length
      if (start < sizeBytes) {
        next = read(start)
        // Awaited in the next round, if there is one.
        next.catch(() => {})
      }
      yield piece
    }
  }

  /** Forgets what was read ahead. */
  clear(): void {
    this.#ahead.clear()
    this.#next = undefined
    this.#aheadEnd = 0
  }

  async #inOrder(number: number, sizes: Float64Array): Promise<Uint8Array | undefined> {
    if (this.#next === undefined || number < this.#next.from || number > this.#next.end)
      this.#readNext(number, sizes)
    const next = this.#next
    if (next === undefined) return undefined
    this.#next = undefined
    try {
      this.#ahead = await next.read
    } catch {
      // One damaged message must not keep its neighbours from being read.
      this.clear()
      return await this.#store.messages.read(this.#mailbox, this.#uids[number - 1] as Uid)
    }
    this.#aheadEnd = next.end
    const wanted = this.#ahead.get(number)
    this.#ahead.delete(number)
    this.#readNext(next.end + 1, sizes)
    return wanted
  }

  /** Begins to read the messages from `from` on, as many as fit. */
  #readNext(from: number, sizes: Float64Array): void {
    this.#next = undefined
    let end = from - 1
    for (let bytes = 0; end < this.#uids.length && end - from + 1 < aheadLimitCount; end++) {
      bytes += sizes[end]!
      if (bytes > aheadLimitBytes) break
    }
    if (end < from) return
    const read = this.#readStretch(from, end)
    // Whoever needs it awaits it; a session that ends first does not.
    read.catch(() => {})
    this.#next = { from, end, read }
  }

  async #readStretch(from: number, end: number): Promise<Map<number, Uint8Array>> {
    const found = new Map<number, Uint8Array>()
    let at = from - 1
    const uids = this.#uids.subarray(at, end)
    for await (const batch of this.#store.messages.fetch(this.#mailbox, uids, { bytes: 'all' })) {
      for (let i = 0; i < batch.uids.length; i++) {
        while (this.#uids[at]! < batch.uids[i]!) at++
        found.set(at + 1, batch.bytes![i]!)
      }
    }
    return found
  }
}

/** A message vanished while it was being sent: the response cannot be completed. */
export class PieceMissing extends Error {
  constructor(offset: number) {
    super(`Cannot read the message from octet ${offset} on: it is gone`)
    this.name = 'PieceMissing'
  }
}
