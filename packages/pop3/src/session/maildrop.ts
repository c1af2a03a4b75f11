import {
  type Account,
  type MailboxId,
  type MessageSizes,
  type QuickMessage,
  type QuickReader,
  type Store,
  StoreError,
  systemFlag,
  type Uid,
} from '@posthorn/storage'
import { foundUidls } from './found-uidls.ts'
import { expiredMessages, hiddenMessages, type Removal, removeMessages } from './removal.ts'
import { type SurrogateHeaders, surrogateHeaders } from './surrogate-headers.ts'

/** Of maildrops up to this many messages sizes are looked up while the client thinks of its first command. */
const sizesAheadCount = 10_000

/** How a maildrop is opened. */
export interface Opening {
  readonly removal: Removal
  /** 'made': the client does not know UTF8, and what has UTF-8 in its header gets another one. */
  readonly surrogates: 'made' | 'none'
}

const isRefusedByDisk = (error: unknown): boolean =>
  error instanceof StoreError && (error.kind === 'no-space' || error.kind === 'read-only')

/** Maildrops of this process that are open without a lock in the store. */
const lockedInMemory = new WeakMap<Store, Set<number>>()

/**
 * A disk that can only be read keeps no lock: one of this process then. Messages can be read; QUIT removes nothing
 * while the disk stays as it is.
 */
async function lockMaildrop(store: Store, account: Account, owner: string): Promise<() => Promise<void>> {
  const inUse = new StoreError('in-use', `Cannot lock the maildrop of ${account.address}`)
  const inMemory = lockedInMemory.get(store) ?? new Set()
  lockedInMemory.set(store, inMemory)
  if (inMemory.has(account.id)) throw inUse
  try {
    const release = await store.locks.acquire(`pop3:${account.id}`, owner)
    if (release === undefined) throw inUse
    return release
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind !== 'read-only') throw error
  }
  inMemory.add(account.id)
  return async () => void inMemory.delete(account.id)
}

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
  /** Of the mailbox. */
  readonly objectId: string
  readonly uids: Uint32Array
  /** Of all messages, before any DELE; once the sizes are known what STAT says, before that about so many. */
  totalBytes: number
  readonly #quick: QuickReader
  readonly #headers: SurrogateHeaders | undefined
  /** Highest number that was retrieved (LAST). */
  lastAccessed = 0
  deletedCount = 0
  deletedBytes = 0
  readonly #store: Store
  readonly #account: Account
  readonly #release: () => Promise<void>
  #released = false
  #sizes: MessageSizes | undefined
  #finding: Promise<void> | undefined
  #keptIds: ReadonlyMap<number, string> | undefined
  /** 1 = marked to be deleted, 2 = retrieved. Made when first needed. */
  #marks: Uint8Array | undefined

  private constructor(
    store: Store,
    place: {
      readonly account: Account
      readonly mailbox: MailboxId
      readonly uidValidity: number
      readonly objectId: string
      readonly uids: Uint32Array
      readonly totalBytes: number
      readonly headers: SurrogateHeaders | undefined
    },
    release: () => Promise<void>,
  ) {
    this.#store = store
    this.#account = place.account
    this.mailbox = place.mailbox
    this.uidValidity = place.uidValidity
    this.objectId = place.objectId
    this.uids = place.uids
    this.totalBytes = place.totalBytes
    this.#quick = store.messages.quickReader(place.mailbox, place.uids)
    this.#headers = place.headers
    this.#release = release
  }

  /** Locks and opens. Reads no message, but see `Opening`. @throws StoreError 'in-use' when another session has the lock. */
  static async open(
    store: Store,
    account: Account,
    owner: string,
    { removal, surrogates }: Opening,
  ): Promise<Maildrop> {
    const release = await lockMaildrop(store, account, owner)
    try {
      const inbox = await store.mailboxes.find(account.id, 'INBOX')
      if (inbox === undefined) throw new StoreError('no-such-mailbox', `No INBOX of ${account.address}`)
      const view = await store.messages.view(inbox.id)
      const { uidValidity, objectId, sizeBytes } = view.mailbox
      const place = {
        account,
        mailbox: inbox.id,
        uidValidity,
        objectId,
        uids: view.uids,
        totalBytes: sizeBytes,
      }
      const hidden = await hiddenMessages(store, inbox.id, removal)
      const uids = hidden.size === 0 ? view.uids : view.uids.filter((uid) => !hidden.has(uid))
      const headers = surrogates === 'made' ? await surrogateHeaders(store, inbox.id, uids) : undefined
      const maildrop = new Maildrop(store, { ...place, uids, headers }, release)
      return maildrop
    } catch (error) {
      await release()
      throw error
    }
  }

  get count(): number {
    return this.uids.length
  }

  /** In the order of `uids`, once `sizesLater` is over: as they are sent (RFC 1939 §11), without stuffed dots. */
  get sizes(): Float64Array {
    return this.#knownSizes.sent
  }

  /** The same, as `read` gives them. */
  get storedSizes(): Float64Array {
    return this.#knownSizes.stored
  }

  get #knownSizes(): MessageSizes {
    if (this.#sizes === undefined) throw new Error('Nobody has waited for the sizes')
    return this.#sizes
  }

  /** Asked of the store once, when a command first needs them; when they are known. undefined: they are. */
  sizesLater(): Promise<void> | undefined {
    if (this.#sizes === undefined && this.count <= sizesAheadCount) this.#findSizes()
    if (this.#sizes !== undefined) return undefined
    this.#finding ??= this.#quick.sizesInTurns().then(
      (sizes) => this.#take(sizes),
      (error: unknown) => {
        this.#finding = undefined
        throw error
      },
    )
    return this.#finding
  }

  #findSizes(): void {
    const sizes = this.#quick.sizes()
    if (sizes !== undefined) this.#take(sizes)
  }

  #take(sizes: MessageSizes): void {
    const { stored, sent } = sizes
    this.#headers?.forEach(({ header, formerBytes, formerSentBytes }, number) => {
      const at = number - 1
      if (stored[at] === 0) return
      stored[at] = stored[at]! + header.length - formerBytes
      if (sent !== stored) sent[at] = sent[at]! + header.length - formerSentBytes
    })
    this.totalBytes = sent.reduce((sum, size) => sum + size, 0)
    this.#sizes = sizes
  }

  /** See QuickReader. */
  readNow(number: number, maxBytes: number): QuickMessage | undefined {
    return this.#headers?.has(number) ? undefined : this.#quick.read(number - 1, maxBytes)
  }

  /** Octets [start, end) of a message as it is sent, perhaps in `into`; undefined when it is gone. */
  async read(
    number: number,
    start = 0,
    end = Number.MAX_SAFE_INTEGER,
    into?: Buffer,
  ): Promise<Uint8Array | undefined> {
    const uid = this.uids[number - 1] as Uid
    const surrogate = this.#headers?.get(number)
    if (surrogate === undefined) return await this.#store.messages.read(this.mailbox, uid, start, end, into)
    const { header, formerBytes } = surrogate
    const shift = formerBytes - header.length
    const body = await this.#store.messages.read(
      this.mailbox,
      uid,
      Math.max(formerBytes, start + shift),
      Math.max(formerBytes, end + shift),
    )
    return body && Buffer.concat([header.subarray(start, end), body])
  }

  /** Unique-ids that do not follow the format, by UID; once `findKeptIds` has found them. */
  get keptIds(): ReadonlyMap<number, string> | undefined {
    return this.#keptIds
  }

  /** What was kept goes before what another server wrote into the messages. */
  async findKeptIds(xUidl: 'kept' | 'ignored'): Promise<ReadonlyMap<number, string>> {
    const kept = await this.#store.mailboxes.uniqueIds(this.mailbox)
    const written =
      xUidl === 'kept' ? await foundUidls(this.#store, this.mailbox, this.uids) : new Map<number, string>()
    this.#keptIds = written.size === 0 ? kept : new Map([...written, ...kept])
    return this.#keptIds
  }

  /** From now on these messages have these unique-ids. */
  async keepIds(ids: ReadonlyMap<number, string>): Promise<void> {
    await this.#store.mailboxes.keepUniqueIds(this.mailbox, ids)
    this.#keptIds = new Map([...(this.#keptIds ?? []), ...ids])
  }

  /** When the client has heard that it is logged in: nearly all ask for sizes next. */
  prepare(): void {
    if (this.count <= sizesAheadCount && !this.#released && this.#sizes === undefined) this.#findSizes()
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
    const deleted = this.uids.filter((_, at) => (marks[at]! & 1) !== 0)
    await removeMessages(this.#store, this.#account, this.mailbox, deleted, removal)
    const retrieved = this.uids.filter((_, at) => marks[at] === 2)
    if (seen === 'set' && retrieved.length > 0) await this.#markSeen(retrieved)
  }

  /** A disk that has no room for a flag is no reason to refuse QUIT. */
  async #markSeen(uids: Uint32Array): Promise<void> {
    const flags = { system: systemFlag.seen, keywords: [] }
    const change = this.#store.messages.changeFlags(this.mailbox, uids, { op: 'add', flags })
    await change.catch((error: unknown) => {
      if (!isRefusedByDisk(error)) throw error
    })
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

/** Nobody has asked yet: what goes wrong is told when somebody does. */
export function prepareMaildrop(maildrop: Maildrop): void {
  try {
    maildrop.prepare()
  } catch {}
}
