import { type Account, type MailboxId, type Store, StoreError, systemFlag, type Uid } from '@posthorn/storage'

/**
 * INBOX as one session sees it: a snapshot with the exclusive lock (RFC 1939 §4). Message numbers are
 * places in it, from 1; what others do to the mailbox meanwhile changes nothing here.
 */
export class Maildrop {
  readonly mailbox: MailboxId
  readonly uidValidity: number
  readonly uids: Uint32Array
  /** Of all messages, before any DELE. */
  readonly totalBytes: number
  /** Highest number that was retrieved (LAST). */
  lastAccessed = 0
  deletedCount = 0
  deletedBytes = 0
  readonly #store: Store
  readonly #release: () => Promise<void>
  #released = false
  #sizes: Float64Array | undefined
  #sizesLoading: Promise<Float64Array> | undefined
  /** 1 = marked to be deleted, 2 = retrieved. Made when first needed. */
  #marks: Uint8Array | undefined

  private constructor(
    store: Store,
    place: {
      readonly mailbox: MailboxId
      readonly uidValidity: number
      readonly uids: Uint32Array
      readonly totalBytes: number
    },
    release: () => Promise<void>,
  ) {
    this.#store = store
    this.mailbox = place.mailbox
    this.uidValidity = place.uidValidity
    this.uids = place.uids
    this.totalBytes = place.totalBytes
    this.#release = release
  }

  /** Locks and opens. Reads no message. @throws StoreError 'in-use' when another session has the lock. */
  static async open(store: Store, account: Account, owner: string): Promise<Maildrop> {
    const release = await store.locks.acquire(`pop3:${account.id}`, owner)
    if (release === undefined)
      throw new StoreError('in-use', `Cannot lock the maildrop of ${account.address}`)
    try {
      const inbox = await store.mailboxes.find(account.id, 'INBOX')
      if (inbox === undefined) throw new StoreError('no-such-mailbox', `No INBOX of ${account.address}`)
      const view = await store.messages.view(inbox.id)
      const { uidValidity, sizeBytes } = view.mailbox
      return new Maildrop(
        store,
        { mailbox: inbox.id, uidValidity, uids: view.uids, totalBytes: sizeBytes },
        release,
      )
    } catch (error) {
      await release()
      throw error
    }
  }

  get count(): number {
    return this.uids.length
  }

  /** Sizes in the order of `uids`; asked of the store once, when a command first needs them. */
  sizes(): Float64Array | Promise<Float64Array> {
    if (this.#sizes !== undefined) return this.#sizes
    this.#sizesLoading ??= this.#loadSizes()
    return this.#sizesLoading
  }

  isDeleted(number: number): boolean {
    return this.#marks !== undefined && (this.#marks[number - 1]! & 1) !== 0
  }

  markDeleted(number: number, sizeBytes: number): void {
    this.#mark(number, 1)
    this.deletedCount++
    this.deletedBytes += sizeBytes
  }

  markRetrieved(number: number): void {
    this.#mark(number, 2)
    this.lastAccessed = Math.max(this.lastAccessed, number)
  }

  /** RSET: no marks of deletion (RFC 1939 §5), and LAST at its beginning. What was read stays read. */
  reset(): void {
    this.#marks?.forEach((mark, at, marks) => {
      marks[at] = mark & 2
    })
    this.deletedCount = 0
    this.deletedBytes = 0
    this.lastAccessed = 0
  }

  /** UPDATE (RFC 1939 §6): removes what is marked, durable on return, and marks what was read as \Seen. */
  async update(seen: 'set' | 'kept'): Promise<void> {
    const marks = this.#marks
    if (marks === undefined) return
    const retrieved = this.uids.filter((_, at) => marks[at] === 2)
    if (seen === 'set' && retrieved.length > 0) {
      const flags = { system: systemFlag.seen, keywords: [] }
      await this.#store.messages.changeFlags(this.mailbox, retrieved, { op: 'add', flags })
    }
    const deleted = this.uids.filter((_, at) => (marks[at]! & 1) !== 0)
    if (deleted.length > 0) await this.#store.messages.discard(this.mailbox, deleted)
  }

  uidOf(number: number): Uid {
    return this.uids[number - 1] as Uid
  }

  /** Gives the lock back. May be called more than once. */
  async close(): Promise<void> {
    if (this.#released) return
    this.#released = true
    await this.#release()
  }

  #mark(number: number, mark: 1 | 2): void {
    this.#marks ??= new Uint8Array(this.uids.length)
    this.#marks[number - 1]! |= mark
  }

  async #loadSizes(): Promise<Float64Array> {
    const sizes = new Float64Array(this.uids.length)
    let at = 0
    for await (const batch of this.#store.messages.fetch(this.mailbox, this.uids, { facts: true })) {
      for (let i = 0; i < batch.uids.length; i++) {
        // Expunged since by another session: its size is lost with it, its number is not.
        while (at < this.uids.length && this.uids[at]! < batch.uids[i]!) at++
        sizes[at] = batch.facts!.sizeBytes[i]!
      }
    }
    this.#sizes = sizes
    return sizes
  }
}
