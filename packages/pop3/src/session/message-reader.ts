import type { MailboxId, Store, Uid } from '@posthorn/storage'

/** Messages up to this size are read whole, and ahead of a client that retrieves one after the other. */
export const wholeLimitBytes = 131_072
const pieceBytes = 65_536
const aheadLimitBytes = 262_144
const aheadLimitCount = 32

/** Reads messages for RETR: several small ones at a time where the client goes through them in order. */
export class MessageReader {
  readonly #store: Store
  readonly #mailbox: MailboxId
  readonly #uids: Uint32Array
  readonly #ahead = new Map<number, Uint8Array>()
  #lastNumber = 0

  constructor(store: Store, mailbox: MailboxId, uids: Uint32Array) {
    this.#store = store
    this.#mailbox = mailbox
    this.#uids = uids
  }

  /** All octets of a message of at most `wholeLimitBytes`; undefined when it is gone. */
  whole(number: number, sizes: Float64Array): Uint8Array | Promise<Uint8Array | undefined> {
    const ready = this.#ahead.get(number)
    const inOrder = number === this.#lastNumber + 1
    this.#lastNumber = number
    if (ready !== undefined) {
      this.#ahead.delete(number)
      return ready
    }
    this.#ahead.clear()
    if (inOrder) return this.#readAhead(number, sizes)
    return this.#store.messages.read(this.#mailbox, this.#uids[number - 1] as Uid)
  }

  /** A large message piece by piece; the next piece is read while the last one is being sent. */
  async *pieces(number: number, sizeBytes: number): AsyncGenerator<Uint8Array> {
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
  }

  async #readAhead(number: number, sizes: Float64Array): Promise<Uint8Array | undefined> {
    let end = number
    for (
      let bytes = sizes[number - 1]!;
      end < this.#uids.length && end < number + aheadLimitCount - 1;
      end++
    ) {
      bytes += sizes[end]!
      if (bytes > aheadLimitBytes) break
    }
    if (end === number) return this.#store.messages.read(this.#mailbox, this.#uids[number - 1] as Uid)
    const uids = this.#uids.subarray(number - 1, end)
    let at = number - 1
    for await (const batch of this.#store.messages.fetch(this.#mailbox, uids, { bytes: 'all' })) {
      for (let i = 0; i < batch.uids.length; i++) {
        while (this.#uids[at]! < batch.uids[i]!) at++
        this.#ahead.set(at + 1, batch.bytes![i]!)
      }
    }
    const wanted = this.#ahead.get(number)
    this.#ahead.delete(number)
    return wanted
  }
}

/** A message vanished while it was being sent: the response cannot be completed. */
export class PieceMissing extends Error {
  constructor(offset: number) {
    super(`Cannot read the message from octet ${offset} on: it is gone`)
    this.name = 'PieceMissing'
  }
}
