import {
  type AccountId,
  allRights,
  type MailboxChanges,
  type MailboxId,
  type MailboxView,
  type MessageBatch,
  type ModSeq,
  type Rights,
  type Store,
  StoreError,
} from '@posthorn/storage'
import { FlagTexts } from '../wire/flags.ts'
import { lowerBound } from '../wire/number-set.ts'
import type { MailboxWatch, OpenBy } from './mailbox-watch.ts'
import type { SelectedMailbox } from './session.ts'

/** What the client has to be told, in the order in which it has to be told. */
export interface News {
  /** Gone messages: UIDs, and their sequence numbers as they were before, ascending. */
  readonly expunged: { readonly uids: Uint32Array; readonly sequence: Uint32Array } | undefined
  /** New number of messages, when messages came. */
  readonly exists: number | undefined
  readonly recent: number
  /** Flag changes of messages that the client knows: places in `changed`. */
  readonly changed: MessageBatch
  readonly places: readonly number[]
}

const noUids = new Uint32Array(0)

/** Who opened a mailbox, under what name, and what he may do there. */
export interface OpenedBy {
  readonly viewer: AccountId
  readonly name: string
  readonly rights: Rights
}

/** Who has this mailbox selected. */
export interface MailboxWatcher {
  /** After each change, by whomever. */
  mailboxChanged(): void
  /** Keyword names changed: FLAGS has to be sent. */
  keywordsChanged(): void
}

/**
 * The mailbox as one client knows it: an array of UIDs shared with the store and other sessions, and the
 * MODSEQ up to which the client was told. Nothing here grows with the mailbox but while expunges are held
 * back.
 */
export class OpenMailbox implements SelectedMailbox, OpenBy {
  readonly id: MailboxId
  readonly account: AccountId
  readonly uidValidity: number
  readonly access: 'read-write' | 'read-only'
  /** As the client called it. */
  readonly name: string
  rights: Rights
  /** The rights may have changed. */
  rightsSuspect = false
  readonly #viewer: AccountId
  uids: Uint32Array
  modSeq: ModSeq
  saved: Uint32Array = noUids
  /** Something may have changed since `modSeq`. */
  #stale = false
  /** `uids` still has messages that are gone. */
  #holdsExpunged = false
  /** Pairs first UID, last UID of what is \Recent in this session. */
  #recent: number[] | undefined
  /** RFC 9051 has no \Recent. */
  #ignoresRecent = false
  #told: MessageBatch[] | undefined
  #keywords: readonly string[]
  #flagTexts: FlagTexts | undefined
  #watcher: MailboxWatcher | undefined
  #watch: MailboxWatch | undefined

  constructor(view: MailboxView, access: 'read-write' | 'read-only', how?: OpenedBy) {
    this.id = view.mailbox.id
    this.account = view.mailbox.account
    this.uidValidity = view.mailbox.uidValidity
    this.access = access
    this.name = how?.name ?? view.mailbox.name
    this.rights = how?.rights ?? allRights
    this.#viewer = how?.viewer ?? view.mailbox.account
    this.uids = view.uids
    this.modSeq = view.modSeq
    this.#keywords = view.mailbox.keywords
  }

  watch(watch: MailboxWatch, watcher: MailboxWatcher): void {
    this.#watcher = watcher
    this.#watch = watch
    watch.add(this)
  }

  /** @see OpenBy */
  changed(): void {
    this.#stale = true
    this.#watcher?.mailboxChanged()
  }

  /** @see OpenBy */
  sharingChanged(): void {
    this.rightsSuspect = true
  }

  get isShared(): boolean {
    return this.#viewer !== this.account
  }

  may(right: string): boolean {
    return this.rights.includes(right)
  }

  /** RFC 4314 §5.2: what READ-WRITE promises. */
  get mayChange(): boolean {
    return this.access === 'read-write' && /[ieswt]/.test(this.rights)
  }

  /** Asks for the rights again. 'lost': the mailbox may not be read any more. */
  async renewRights(store: Store): Promise<'same' | 'changed' | 'lost'> {
    this.rightsSuspect = false
    const rights = await store.sharing.rights(this.id, this.#viewer)
    if (rights === this.rights) return 'same'
    // A mailbox that is gone is another matter: whoever asks for news learns of it.
    if (rights === '' && (await store.mailboxes.get(this.id)) === undefined) return 'same'
    this.rights = rights
    return rights.includes('r') ? 'changed' : 'lost'
  }

  close(): void {
    this.#watch?.remove(this)
    this.#watch = undefined
    this.#watcher = undefined
  }

  get keywords(): readonly string[] {
    return this.#keywords
  }

  get flagTexts(): FlagTexts {
    this.#flagTexts ??= new FlagTexts(this.#keywords)
    return this.#flagTexts
  }

  /** There may be news to send. */
  get stale(): boolean {
    return this.#stale || this.#holdsExpunged
  }

  /** Something may have changed that was not looked at yet. */
  get suspected(): boolean {
    return this.#stale
  }

  /** Gives back what is only good for speed, while the client is silent. */
  rest(): void {
    this.#flagTexts = undefined
  }

  /** The store is asked at the next occasion, woken or not: after our own change, at NOOP and CHECK. */
  suspect(): void {
    this.#stale = true
  }

  sequenceOf(uid: number): number {
    const at = lowerBound(this.uids, uid)
    return this.uids[at] === uid ? at + 1 : 0
  }

  get hasRecent(): boolean {
    return this.#recent !== undefined
  }

  isRecent(uid: number): boolean {
    const recent = this.#recent
    if (recent === undefined) return false
    for (let at = 0; at < recent.length; at += 2) {
      if (uid >= recent[at]! && uid <= recent[at + 1]!) return true
    }
    return false
  }

  /** For a client that enabled IMAP4rev2. */
  ignoreRecent(): void {
    this.#ignoresRecent = true
    this.#recent = undefined
  }

  get ignoresRecent(): boolean {
    return this.#ignoresRecent
  }

  /** How many of the messages are \Recent. */
  get recentCount(): number {
    const recent = this.#recent ?? []
    let count = 0
    for (let at = 0; at < recent.length; at += 2) {
      count += lowerBound(this.uids, recent[at + 1]! + 1) - lowerBound(this.uids, recent[at]!)
    }
    return count
  }

  /** Messages from `first` on are \Recent here. Bounded: neighbours merge, and the oldest is given up. */
  addRecent(first: number, last: number): void {
    if (first > last) return
    const recent = (this.#recent ??= [])
    const end = recent.length - 1
    if (end > 0 && first <= recent[end]! + 1) recent[end] = Math.max(recent[end]!, last)
    else recent.push(first, last)
    if (recent.length > 200) recent.splice(0, 2)
  }

  acknowledge(changed: MessageBatch): void {
    this.#stale = true
    if (changed.uids.length > 0) (this.#told ??= []).push(changed)
  }

  updateKeywords(keywords: readonly string[]): void {
    if (sameNames(keywords, this.#keywords)) return
    this.#keywords = keywords
    this.#flagTexts = undefined
    this.#watcher?.keywordsChanged()
  }

  /**
   * Asks the store what changed and takes it over. With 'hold' messages that are gone keep their numbers
   * (RFC 9051 §7.5.1).
   * @throws StoreError no-such-mailbox when the mailbox itself is gone
   */
  async news(store: Store, expunges: 'send' | 'hold'): Promise<News | undefined> {
    const wanted = this.#stale || (expunges === 'send' && this.#holdsExpunged)
    if (!wanted) {
      this.#told = undefined
      return undefined
    }
    this.#stale = false
    const changes = await store.messages.changesSince(this.id, this.modSeq)
    const told = this.#told
    this.#told = undefined
    // Deleted and made anew under the same name, or left as a mere parent: not the mailbox that was opened.
    if (changes.modSeq < this.modSeq) throw new StoreError('no-such-mailbox', 'Mailbox was deleted')
    const lastKnown = this.uids[this.uids.length - 1] ?? 0
    const expunged = this.#takeUids(changes, expunges, lastKnown)
    const came = (this.uids[this.uids.length - 1] ?? 0) > lastKnown
    if (came && !this.#ignoresRecent) this.#claimRecent(store, lastKnown)
    this.updateKeywords(changes.keywords)
    this.modSeq = changes.modSeq
    return {
      expunged,
      exists: came ? this.uids.length : undefined,
      recent: came ? this.recentCount : 0,
      changed: changes.changed,
      places: untold(changes.changed, lastKnown, told),
    }
  }

  #takeUids(changes: MailboxChanges, expunges: 'send' | 'hold', lastKnown: number): News['expunged'] {
    const lost =
      this.#holdsExpunged ||
      changes.uids.length < this.uids.length ||
      changes.vanished.some((uid) => this.sequenceOf(uid) > 0)
    if (!lost) {
      this.uids = changes.uids
      return undefined
    }
    if (expunges === 'hold') {
      const came = changes.uids.subarray(lowerBound(changes.uids, lastKnown + 1))
      this.#holdsExpunged = true
      if (came.length > 0) this.uids = joined(this.uids, came)
      return undefined
    }
    const gone = missing(this.uids, changes.uids)
    this.uids = changes.uids
    this.#holdsExpunged = false
    if (this.saved.length > 0) this.saved = this.saved.filter((uid) => this.sequenceOf(uid) > 0)
    return gone
  }

  /**
   * The first session that is told of a message has it as \Recent (RFC 3501 §2.3.2). Written down behind the
   * news: new mail is announced without waiting for a disk.
   */
  #claimRecent(store: Store, lastKnown: number): void {
    const last = this.uids[this.uids.length - 1] ?? 0
    // EXAMINE sees \Recent and leaves it to others (RFC 3501 §6.3.2).
    if (!this.mayChange) {
      this.addRecent(lastKnown + 1, last)
      return
    }
    const first = this.#watch?.claimRecent(this.id, lastKnown + 1, last) ?? lastKnown + 1
    this.addRecent(first, last)
    if (first > last) return
    store.mailboxes.claimRecent(this.id).catch((error: unknown) => {
      // A courtesy to old clients: a full disk or the end of the store must not end the session.
      if (!(error instanceof StoreError)) process.emitWarning(String(error))
    })
  }
}

/** What `before` has and `after` has not; both ascending. */
function missing(before: Uint32Array, after: Uint32Array): News['expunged'] {
  const places: number[] = []
  let to = 0
  for (let at = 0; at < before.length; at++) {
    const uid = before[at]!
    while (to < after.length && after[to]! < uid) to++
    if (after[to] !== uid) places.push(at)
  }
  if (places.length === 0) return undefined
  const uids = new Uint32Array(places.length)
  const sequence = new Uint32Array(places.length)
  places.forEach((place, at) => {
    uids[at] = before[place]!
    sequence[at] = place + 1
  })
  return { uids, sequence }
}

function joined(first: Uint32Array, second: Uint32Array): Uint32Array {
  const all = new Uint32Array(first.length + second.length)
  all.set(first)
  all.set(second, first.length)
  return all
}

/** Places of changes of known messages, without those that the client itself made and knows. */
function untold(
  changed: MessageBatch,
  lastKnown: number,
  told: readonly MessageBatch[] | undefined,
): number[] {
  const places: number[] = []
  for (let at = 0; at < changed.uids.length; at++) {
    const uid = changed.uids[at]!
    if (uid > lastKnown) break
    if (told?.some((batch) => knows(batch, uid, changed.modSeqs[at]!))) continue
    places.push(at)
  }
  return places
}

function knows(batch: MessageBatch, uid: number, modSeq: number): boolean {
  const at = lowerBound(batch.uids, uid)
  return batch.uids[at] === uid && batch.modSeqs[at] === modSeq
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((name, at) => name === b[at]))
}
