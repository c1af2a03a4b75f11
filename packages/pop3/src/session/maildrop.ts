import {
  type Account,
  type MailboxId,
  type QuickReader,
  type Store,
  StoreError,
  systemFlag,
  type Uid,
} from '@posthorn/storage'
import { expiredMessages, hiddenMessages, type Removal, removeMessages } from './removal.ts'

/** Of maildrops up to this many messages sizes are looked up while the client thinks of its first command. */
const sizesAheadCount = 10_000

/** See `Pop3Options`. */
export interface MaildropUpdate {
  readonly seen: 'set' | 'kept'
  readonly removal: Removal
  readonly expireDays: number | undefined
}

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
  readonly quick: QuickReader
  /** Highest number that was retrieved (LAST). */
  lastAccessed = 0
  deletedCount = 0
  deletedBytes = 0
  readonly #store: Store
  readonly #account: Account
  readonly #release: () => Promise<void>
  #released = false
  #sizes: Float64Array | undefined
  /** 1 = marked to be deleted, 2 = retrieved. Made when first needed. */
  #marks: Uint8Array | undefined

  private constructor(
    store: Store,
    place: {
      readonly account: Account
      readonly mailbox: MailboxId
      readonly uidValidity: number
      readonly uids: Uint32Array
      readonly totalBytes: number
    },
    release: () => Promise<void>,
  ) {
    this.#store = store
    this.#account = place.account
    this.mailbox = place.mailbox
    this.uidValidity = place.uidValidity
    this.uids = place.uids
    this.totalBytes = place.totalBytes
    this.quick = store.messages.quickReader(place.mailbox, place.uids)
    this.#release = release
  }

  /** Locks and opens. Reads no message. @throws StoreError 'in-use' when another session has the lock. */
  static async open(store: Store, account: Account, owner: string, removal: Removal): Promise<Maildrop> {
    const release = await store.locks.acquire(`pop3:${account.id}`, owner)
    if (release === undefined)
      throw new StoreError('in-use', `Cannot lock the maildrop of ${account.address}`)
    try {
      const inbox = await store.mailboxes.find(account.id, 'INBOX')
      if (inbox === undefined) throw new StoreError('no-such-mailbox', `No INBOX of ${account.address}`)
      const view = await store.messages.view(inbox.id)
      const { uidValidity, sizeBytes } = view.mailbox
      const place = { account, mailbox: inbox.id, uidValidity, uids: view.uids, totalBytes: sizeBytes }
      const hidden = await hiddenMessages(store, inbox.id, removal)
      if (hidden.size === 0) return new Maildrop(store, place, release)
      const uids = view.uids.filter((uid) => !hidden.has(uid))
      const sizes = store.messages.quickReader(inbox.id, uids).sizes()
      const totalBytes = sizes.reduce((sum, size) => sum + size, 0)
      return new Maildrop(store, { ...place, uids, totalBytes }, release)
    } catch (error) {
      await release()
      throw error
    }
  }

  get count(): number {
    return this.uids.length
  }

  /** In the order of `uids`; asked of the store once, when a command first needs them. */
  get sizes(): Float64Array {
    this.#sizes ??= this.quick.sizes()
    return this.#sizes
  }

  /** When the client has heard that it is logged in: nearly all ask for sizes next. */
  prepare(): void {
    if (this.count <= sizesAheadCount && !this.#released) this.#sizes ??= this.quick.sizes()
  }

  isDeleted(number: number): boolean {
    return this.#marks !== undefined && (this.#marks[number - 1]! & 1) !== 0
  }

  markDeleted(number: number): void {
    this.#mark(number, 1)
    this.deletedCount++
    this.deletedBytes += this.sizes[number - 1]!
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

  /**
   * UPDATE (RFC 1939 §6): marks what was read as \Seen, removes what is marked, and what has been kept for
   * long enough (RFC 2449 §6.7). Durable on return.
   */
  async update(how: MaildropUpdate, nowMs: number): Promise<void> {
    const marks = this.#marks
    if (marks !== undefined) await this.#applyMarks(marks, how)
    const { expireDays, removal } = how
    if (expireDays === undefined) return
    const expired =
      expireDays > 0
        ? await expiredMessages(this.#store, this.mailbox, expireDays, nowMs)
        : this.uids.filter((_, at) => marks?.[at] === 2)
    await removeMessages(this.#store, this.#account, this.mailbox, expired, removal)
  }

  async #applyMarks(marks: Uint8Array, { seen, removal }: MaildropUpdate): Promise<void> {
    const retrieved = this.uids.filter((_, at) => marks[at] === 2)
    if (seen === 'set' && retrieved.length > 0) {
      const flags = { system: systemFlag.seen, keywords: [] }
      await this.#store.messages.changeFlags(this.mailbox, retrieved, { op: 'add', flags })
    }
    const deleted = this.uids.filter((_, at) => (marks[at]! & 1) !== 0)
    await removeMessages(this.#store, this.#account, this.mailbox, deleted, removal)
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
}
