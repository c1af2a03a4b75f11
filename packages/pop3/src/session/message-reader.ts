import type { MailboxId, MessageBatch, Store, Uid } from '@posthorn/storage'

/** Messages up to this size are read whole, and ahead of a client that retrieves one after the other. */
export const wholeLimitBytes = 131_072
const pieceBytes = 262_144
/** Octets read ahead; memory for twice as many is used again and again. */
const aheadBytes = 131_072

/** What the reader asks of the connection that messages go to. */
export interface Outlet {
  /** Sends what is held back. */
  flush(): void
  readonly backlogBytes: number
  readonly drained: Promise<void> | undefined
}

/** Reads messages for RETR: several small ones at a time where the client goes through them in order. */
export class MessageReader {
  readonly #store: Store
  readonly #mailbox: MailboxId
  readonly #uids: Uint32Array
  readonly #outlet: Outlet
  /** Messages from `#next` on, read in the order of the maildrop. */
  #batches: AsyncIterator<MessageBatch> | undefined
  #batch: MessageBatch | undefined
  /** Row of the batch that was not asked for yet. */
  #row = 0
  #lastNumber = 0

  constructor(store: Store, mailbox: MailboxId, uids: Uint32Array, outlet: Outlet) {
    this.#store = store
    this.#mailbox = mailbox
    this.#uids = uids
    this.#outlet = outlet
  }

  /**
   * All octets of a message of at most `wholeLimitBytes`, valid until the next message is asked for and sent;
   * undefined when it is gone.
   */
  whole(number: number): Uint8Array | Promise<Uint8Array | undefined> {
    const inOrder = number === this.#lastNumber + 1
    this.#lastNumber = number
    if (!inOrder) {
      this.clear()
      return this.#store.messages.read(this.#mailbox, this.#uids[number - 1] as Uid)
    }
    return this.#ready(number) ?? this.#readOn(number)
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
    void this.#batches?.return?.()
    this.#batches = undefined
    this.#batch = undefined
  }

  /** What was read ahead; messages that the client passed over are dropped. */
  #ready(number: number): Uint8Array | undefined {
    const batch = this.#batch
    if (batch === undefined) return undefined
    const uid = this.#uids[number - 1] as number
    while (this.#row < batch.uids.length && (batch.uids[this.#row] as number) < uid) this.#row++
    if (batch.uids[this.#row] !== uid) return undefined
    return batch.bytes?.[this.#row++]
  }

  async #readOn(number: number): Promise<Uint8Array | undefined> {
    try {
      while (await this.#nextBatch(number)) {
        const found = this.#ready(number)
        if (found !== undefined) return found
        const last = this.#batch?.uids.at(-1) ?? 0
        if (last >= (this.#uids[number - 1] as number)) return undefined
      }
      return undefined
    } catch {
      // One damaged message must not keep its neighbours from being read.
      this.clear()
      return await this.#store.messages.read(this.#mailbox, this.#uids[number - 1] as Uid)
    }
  }

  /** False at the end. */
  async #nextBatch(number: number): Promise<boolean> {
    const outlet = this.#outlet
    // Memory is used again once its octets are with the client.
    outlet.flush()
    await outlet.drained
    if (this.#batches === undefined) {
      const want = {
        bytes: 'all',
        maxBytes: wholeLimitBytes,
        batchBytes: aheadBytes,
        memoryIsFree: () => outlet.backlogBytes === 0,
      } as const
      const uids = this.#uids.subarray(number - 1)
      this.#batches = this.#store.messages.fetch(this.#mailbox, uids, want)[Symbol.asyncIterator]()
    }
    const { done, value } = await this.#batches.next()
    this.#batch = done === true ? undefined : value
    this.#row = 0
    if (done === true) this.#batches = undefined
    return done !== true
  }
}

/** A message vanished while it was being sent: the response cannot be completed. */
export class PieceMissing extends Error {
  constructor(offset: number) {
    super(`Cannot read the message from octet ${offset} on: it is gone`)
    this.name = 'PieceMissing'
  }
}
