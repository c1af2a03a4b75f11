import {
  type AccountId,
  allRights,
  type FlagsChanged,
  type MailboxChanges,
  type MailboxId,
  type MailboxView,
  type ModSeq,
  type ModSeqSpan,
  type Rights,
  type Store,
  StoreError,
} from '@posthorn/storage'
import { FlagTexts } from '../wire/flags.ts'
import { lowerBound } from '../wire/number-set.ts'
import type { MailboxWatch, OpenBy } from './mailbox-watch.ts'
import {
  changedFromKnown,
  type Expunged,
  goneBetween,
  joined,
  type News,
  type OwnChanges,
  untold,
} from './news.ts'
import { RecentRanges } from './recent-ranges.ts'
import type { SelectedMailbox } from './session.ts'

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
  #recent: RecentRanges | undefined
  /** RFC 9051 has no \Recent. */
  #ignoresRecent = false
  #told: OwnChanges[] | undefined
  /** The client knows all of the mailbox until then, what its own commands did included; undefined: it may lack something. */
  #toldUntil: ModSeq | undefined
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
    this.#toldUntil = view.modSeq
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

  /** Messages are gone of which the client was not told. */
  get holdsExpunged(): boolean {
    return this.#holdsExpunged
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
    return this.#recent?.has(uid) ?? false
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
    return this.#recent?.count(this.uids) ?? 0
  }

  /** Messages from `first` on are \Recent here. */
  addRecent(first: number, last: number): void {
    if (first > last) return
    this.#recent ??= new RecentRanges()
    this.#recent.add(first, last)
  }

  /** @param span of all that changed with it, where the client is told of all that */
  acknowledge(changed: OwnChanges, span?: ModSeqSpan): void {
    this.#stale = true
    this.#toldUntil = span !== undefined && span.from === this.#toldUntil ? span.to : undefined
    if (changed.uids.length > 0) (this.#told ??= []).push(changed)
  }

  acknowledgeKnown({ changed, formerModSeqs, span }: FlagsChanged): void {
    const known = changedFromKnown(changed, formerModSeqs, this.modSeq, this.#told)
    this.acknowledge(known, known === changed ? span : undefined)
  }

  /** Nothing has changed but what the client was told of with its own commands: there is nothing to look for. */
  async knowsAll(store: Store): Promise<boolean> {
    const until = this.#toldUntil
    if (!this.#stale || this.#holdsExpunged || until === undefined || until === this.modSeq) return false
    this.#stale = false
    if ((await store.messages.highestModSeq(this.id)) !== until) {
      this.#stale = true
      return false
    }
    this.#told = undefined
    this.#moveTo(until)
    return true
  }

  #moveTo(modSeq: ModSeq): void {
    this.modSeq = modSeq
    this.#toldUntil = modSeq
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
      this.#toldUntil = this.modSeq
      return undefined
    }
    this.#stale = false
    const changes = await store.messages.changesSince(this.id, this.modSeq)
    const told = this.#told
    this.#told = undefined
    // Deleted and made anew under the same name, or left as a mere parent: not the mailbox that was opened.
    if (changes.modSeq < this.modSeq) throw new StoreError('no-such-mailbox', 'Mailbox was deleted')
    const lastKnown = this.uids[this.uids.length - 1] ?? 0
    const recentBefore = this.recentCount
    const expunged = this.#takeUids(changes, expunges, lastKnown)
    const came = (this.uids[this.uids.length - 1] ?? 0) > lastKnown
    if (came && !this.#ignoresRecent) this.#claimRecent(store, lastKnown)
    this.updateKeywords(changes.keywords)
    this.#moveTo(changes.modSeq)
    const recent = this.recentCount
    return {
      expunged,
      exists: came ? this.uids.length : undefined,
      recent: came || recent !== recentBefore ? recent : undefined,
      changed: changes.changed,
      places: untold(changes.changed, lastKnown, told),
    }
  }

  #takeUids(changes: MailboxChanges, expunges: 'send' | 'hold', lastKnown: number): Expunged | undefined {
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
    const gone = goneBetween(this.uids, changes.uids)
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
    store.mailboxes.claimRecent(this.id, last).catch((error: unknown) => {
      // A courtesy to old clients: a full disk or the end of the store must not end the session.
      if (!(error instanceof StoreError)) process.emitWarning(String(error))
    })
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((name, at) => name === b[at]))
}
