/**
 * The store's contract: plain values in, plain values out. Each method is async, one atomic unit of
 * work, and knows no protocol and no database. What acknowledges mail resolves only when the bytes and
 * the index are on disk.
 */

declare const brand: unique symbol
type Branded<T, B extends string> = T & { readonly [brand]: B }

export type AccountId = Branded<number, 'AccountId'>
export type MailboxId = Branded<number, 'MailboxId'>
/** RFC 9051 §2.3.1.1: 32-bit, strictly ascending in a mailbox, never reused. */
export type Uid = Branded<number, 'Uid'>
/** RFC 7162 §3.1: 63-bit by the standard; here at most 2^53-1. Per mailbox. */
export type ModSeq = Branded<number, 'ModSeq'>
/** Identifies a message's immutable octets (trace prefix + body): the OBJECTID EMAILID of RFC 8474. */
export type MessageId = Branded<number, 'MessageId'>
/** As Postfix prints it in mailq and logs: upper-case hexadecimal, unique for ever in one store. */
export type QueueId = Branded<string, 'QueueId'>

export type StoreErrorKind =
  | 'no-such-account'
  | 'account-exists'
  | 'no-such-mailbox'
  | 'mailbox-exists'
  | 'invalid-name'
  | 'has-children'
  | 'no-such-message'
  | 'no-such-queue-entry'
  | 'over-quota'
  | 'limit'
  | 'no-space'
  | 'in-use'
  | 'corrupt'
  | 'read-only'
  | 'newer-version'
  | 'closed'

/** The only error the store throws on purpose. `message` reads `Cannot open mailbox "x": …`. */
export class StoreError extends Error {
  readonly kind: StoreErrorKind
  constructor(kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
    this.kind = kind
  }
}

// ---------------------------------------------------------------- flags

/**
 * Flags of one message as two 32-bit words. Word 0: bits 0–4 are the system flags below, bits 5–31 are
 * keywords 0–26 of the mailbox; word 1: keywords 27–58. Keyword n's name is `Mailbox.keywords[n]`
 * ('' for a free slot).
 */
export const systemFlag = { seen: 1, answered: 2, flagged: 4, deleted: 8, draft: 16 } as const
export const maxKeywords = 59

/** Flags by name: system flags lower-case as in `systemFlag`, and keywords as the client spelt them. */
export interface Flags {
  /** Sum of `systemFlag` values. */
  readonly system: number
  readonly keywords: readonly string[]
}

export interface FlagChange {
  readonly op: 'add' | 'remove' | 'replace'
  readonly flags: Flags
  /** RFC 7162 §3.1.3: messages changed after this MODSEQ are left alone and reported. */
  readonly unchangedSince?: ModSeq
}

// ---------------------------------------------------------------- accounts

export interface Account {
  readonly id: AccountId
  /** Lower-case `local@domain`. */
  readonly address: string
  /** PHC string ($argon2id$…), or '' for an account that cannot log in. */
  readonly passwordHash: string
  readonly enabled: boolean
  /** Octets; 0 = no limit of its own (the server's mailbox_size_limit applies). */
  readonly quotaBytes: number
  readonly createdMs: number
  /** Where `.forward` lives; '' = by the server's home_directory parameter. */
  readonly home: string
}

export interface AccountStore {
  create(account: Omit<Account, 'id' | 'createdMs'>): Promise<Account>
  get(id: AccountId): Promise<Account | undefined>
  find(address: string): Promise<Account | undefined>
  list(): Promise<readonly Account[]>
  update(id: AccountId, change: Partial<Omit<Account, 'id' | 'createdMs'>>): Promise<Account>
  /** Removes the account with its mailboxes and messages. */
  remove(id: AccountId): Promise<void>
  /** Local domains added by command (beside main.cf's), lower case. */
  domains(): Promise<readonly string[]>
  setDomains(domains: readonly string[]): Promise<void>
}

// ---------------------------------------------------------------- mailboxes

export type SpecialUse = 'All' | 'Archive' | 'Drafts' | 'Flagged' | 'Junk' | 'Sent' | 'Trash' | 'Important'

export interface Mailbox {
  readonly id: MailboxId
  readonly account: AccountId
  /** Unicode (NFC), hierarchy separator '/', 'INBOX' in upper case; at most 1,000 octets of UTF-8. */
  readonly name: string
  readonly uidValidity: number
  readonly uidNext: Uid
  readonly highestModSeq: ModSeq
  readonly specialUse: readonly SpecialUse[]
  readonly subscribed: boolean
  /** False for a name that exists only as a parent (\NonExistent / \Noselect). */
  readonly selectable: boolean
  readonly messages: number
  readonly unseen: number
  readonly deleted: number
  readonly sizeBytes: number
  /** First UID that no session has seen as \Recent. */
  readonly firstRecent: Uid
  readonly keywords: readonly string[]
  /** Random 128 bits in hex, stable across renames: RFC 8474 MAILBOXID. */
  readonly objectId: string
}

export interface Quota {
  readonly usedBytes: number
  readonly usedMessages: number
  /** Octets; 0 = unlimited. */
  readonly limitBytes: number
}

export interface MailboxStore {
  /** Ordered by name, INBOX first. Includes subscribed names that no longer exist when asked. */
  list(account: AccountId): Promise<readonly Mailbox[]>
  subscriptions(account: AccountId): Promise<readonly string[]>
  find(account: AccountId, name: string): Promise<Mailbox | undefined>
  get(id: MailboxId): Promise<Mailbox | undefined>
  /** Creates missing parents too (RFC 9051 §6.3.4). */
  create(account: AccountId, name: string, specialUse?: readonly SpecialUse[]): Promise<Mailbox>
  /** Children stay; a name with children remains as not selectable (RFC 9051 §6.3.5). */
  remove(account: AccountId, name: string): Promise<void>
  /** Renames children too; renaming INBOX moves its messages (RFC 9051 §6.3.6). */
  rename(account: AccountId, from: string, to: string): Promise<void>
  /** A subscription is of a name, existing or not. */
  subscribe(account: AccountId, name: string, on: 'subscribed' | 'unsubscribed'): Promise<void>
  quota(account: AccountId): Promise<Quota>
  /** Takes the \Recent claim of all present messages; returns the first UID that was still recent. */
  claimRecent(id: MailboxId): Promise<Uid>
}

// ---------------------------------------------------------------- messages

/** A message being received; bytes go to disk as they come. Not durable and invisible until placed. */
export interface MessageWriter {
  /** Returns a promise only when the caller should wait (back-pressure). */
  write(chunk: Uint8Array): Promise<void> | undefined
  readonly sizeBytes: number
  /** Completes the frame. The result must be placed (append, accept) or aborted. */
  finish(): Promise<StagedMessage>
  abort(): Promise<void>
}

/** Complete octets with their summary (envelope fields, MIME structure), waiting to be placed. */
export interface StagedMessage {
  readonly sizeBytes: number
  /** Encoded by @posthorn/mail `encodeSummary`. */
  readonly summary: Uint8Array
  abort(): Promise<void>
}

export interface AppendItem {
  readonly message: StagedMessage
  readonly flags: Flags
  readonly internalDateMs: number
}

export interface Placed {
  readonly mailbox: MailboxId
  readonly uidValidity: number
  readonly uid: Uid
  readonly modSeq: ModSeq
  readonly messageId: MessageId
}

/** What `fetch` should bring beside uids, flags and modSeqs. */
export interface FetchWant {
  readonly facts?: true
  /** The compact summary (decode with @posthorn/mail `decodeSummary`). */
  readonly summary?: true
  /** 'header': prefix + header block with its empty line; 'all': every octet. */
  readonly bytes?: 'header' | 'all'
}

/** Column arrays of the same length, ascending by UID. Views may be shared: never modify them. */
export interface MessageBatch {
  readonly uids: Uint32Array
  readonly flags0: Uint32Array
  readonly flags1: Uint32Array
  readonly modSeqs: Float64Array
  /** Present with `facts`, `summary` or `bytes`. Sizes include the trace prefix. */
  readonly facts?: {
    readonly messageIds: Float64Array
    readonly sizeBytes: Float64Array
    readonly internalDatesMs: Float64Array
    readonly saveDatesMs: Float64Array
  }
  /** Trace fields put before the body at delivery (Return-Path, Delivered-To …), '' length when none. */
  readonly prefixes?: readonly Uint8Array[]
  readonly summaries?: readonly Uint8Array[]
  /** With `bytes`: prefix included. */
  readonly bytes?: readonly Uint8Array[]
}

/** The mailbox as one session sees it: shared and immutable. */
export interface MailboxView {
  readonly mailbox: Mailbox
  readonly uids: Uint32Array
  readonly modSeq: ModSeq
  /** UID of the first message without \Seen, or undefined. */
  readonly firstUnseen: Uid | undefined
}

/** What happened in a mailbox after a MODSEQ. `vanished` ascending; `changed` includes new messages. */
export interface MailboxChanges {
  readonly modSeq: ModSeq
  readonly uidNext: Uid
  readonly keywords: readonly string[]
  readonly changed: MessageBatch
  readonly vanished: Uint32Array
  /** False when history was pruned: `vanished` then names every UID below uidNext that is not there. */
  readonly complete: boolean
  /** All UIDs now present. Shared, immutable. */
  readonly uids: Uint32Array
}

export interface FlagsChanged {
  /** The messages that changed, with their new flags and MODSEQ. */
  readonly changed: MessageBatch
  /** UIDs refused by `unchangedSince`. */
  readonly modified: Uint32Array
  readonly keywords: readonly string[]
}

export interface Copied {
  readonly uidValidity: number
  readonly from: Uint32Array
  readonly to: Uint32Array
}

/** Neutral search tree (RFC 9051 §6.4.4, RFC 5032, RFC 7162 §3.1.5). Texts are Unicode. */
export type SearchCriteria =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly of: readonly SearchCriteria[] }
  | { readonly kind: 'not'; readonly of: SearchCriteria }
  /** Sorted, non-overlapping [from, to] pairs, inclusive. */
  | { readonly kind: 'uids'; readonly ranges: readonly (readonly [number, number])[] }
  | { readonly kind: 'flag'; readonly mask: number }
  | { readonly kind: 'keyword'; readonly name: string }
  | { readonly kind: 'recent'; readonly since: Uid }
  /** Decoded header substring; `name` lower case; '' value = field present. */
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
  | { readonly kind: 'body' | 'text'; readonly value: string }
  | { readonly kind: 'larger' | 'smaller'; readonly sizeBytes: number }
  /** INTERNALDATE, SAVEDATE in ms since 1970, half-open [fromMs, toMs). */
  | { readonly kind: 'internal-date' | 'save-date'; readonly fromMs: number; readonly toMs: number }
  /** Calendar date of the Date header, its own zone disregarded: days since 1970, half-open. */
  | { readonly kind: 'sent-date'; readonly fromDay: number; readonly toDay: number }
  | { readonly kind: 'modseq'; readonly atLeast: ModSeq }

export interface SearchFound {
  readonly uids: Uint32Array
  /** Highest MODSEQ among the found (RFC 7162 §3.1.5). */
  readonly highestModSeq: ModSeq
}

export interface MessageStore {
  stage(): MessageWriter
  /** All or nothing (RFC 3502). Durable on return. */
  append(mailbox: MailboxId, items: readonly AppendItem[]): Promise<readonly Placed[]>
  view(mailbox: MailboxId): Promise<MailboxView>
  /** `uids` ascending; missing ones are left out. Batches are bounded in count and octets. */
  fetch(mailbox: MailboxId, uids: Uint32Array, want: FetchWant): AsyncIterable<MessageBatch>
  /** Octets [start, end) of one message, prefix included. undefined when it is gone. */
  read(mailbox: MailboxId, uid: Uid, start?: number, end?: number): Promise<Uint8Array | undefined>
  changeFlags(mailbox: MailboxId, uids: Uint32Array, change: FlagChange): Promise<FlagsChanged>
  /** All or nothing, flags and INTERNALDATE kept. */
  copy(from: MailboxId, uids: Uint32Array, to: MailboxId): Promise<Copied>
  move(from: MailboxId, uids: Uint32Array, to: MailboxId): Promise<Copied & { readonly modSeq: ModSeq }>
  /** Removes those of `uids` (all when undefined) that carry \Deleted. */
  expunge(
    mailbox: MailboxId,
    uids?: Uint32Array,
  ): Promise<{ readonly uids: Uint32Array; readonly modSeq: ModSeq }>
  /** Removes the given messages whatever their flags (POP3 UPDATE). */
  discard(
    mailbox: MailboxId,
    uids: Uint32Array,
  ): Promise<{ readonly uids: Uint32Array; readonly modSeq: ModSeq }>
  changesSince(mailbox: MailboxId, modSeq: ModSeq): Promise<MailboxChanges>
  search(mailbox: MailboxId, criteria: SearchCriteria, signal?: AbortSignal): Promise<SearchFound>
}

// ---------------------------------------------------------------- queue

/** RFC 3461 and RFC 6531 parameters of the envelope, as given. */
export interface EnvelopeOptions {
  readonly ret?: 'FULL' | 'HDRS'
  readonly envid?: string
  readonly smtpUtf8?: true
  readonly body?: '7BIT' | '8BITMIME'
  readonly requireTls?: true
}

/** Where a message came from, for logs, bounces and `postcat`. */
export interface Origin {
  readonly clientName: string
  readonly clientAddress: string
  readonly helo: string
  readonly protocol: string
  readonly saslMethod?: string
  readonly saslUsername?: string
}

export interface NewRecipient {
  readonly address: string
  /** RFC 3461 §4.2, decoded, `rfc822;a@b`. */
  readonly originalRecipient?: string
  readonly notify?: readonly ('NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY')[]
  /** Now into a mailbox, in the same unit of work; or later by the queue. */
  readonly route:
    | {
        readonly kind: 'mailbox'
        readonly account: AccountId
        readonly mailbox: string
        readonly prefix: Uint8Array
        readonly flags?: Flags
      }
    | {
        readonly kind: 'queued'
        readonly transport: string
        readonly nextHop: string
        readonly dueMs: number
      }
}

export interface NewQueueEntry {
  readonly queueId: QueueId
  readonly sender: string
  readonly recipients: readonly NewRecipient[]
  readonly options: EnvelopeOptions
  readonly origin: Origin
  readonly arrivedMs: number
  readonly hold?: true
}

/** The last thing that was said about a recipient: `450 4.2.0 <a@b>: …` with where it was said. */
export interface DeliveryNote {
  /** RFC 3463, `4.4.1`. */
  readonly status: string
  readonly diagnostic: string
  /** `host[address]:port`, or 'none' / 'local'. */
  readonly remoteMta: string
  readonly atMs: number
}

export interface QueuedRecipient {
  readonly index: number
  readonly address: string
  readonly originalRecipient?: string
  readonly notify?: readonly ('NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY')[]
  readonly transport: string
  readonly nextHop: string
  readonly state: 'queued' | 'claimed'
  readonly dueMs: number
  /** Counted when claimed, before the attempt, so that a message that kills its worker is seen. */
  readonly attempts: number
  readonly delayWarned: boolean
  readonly last?: DeliveryNote
}

export interface QueueEntry {
  readonly queueId: QueueId
  readonly sender: string
  readonly options: EnvelopeOptions
  readonly origin: Origin
  readonly arrivedMs: number
  readonly sizeBytes: number
  readonly hold: boolean
  /** Still to be dealt with. */
  readonly recipients: readonly QueuedRecipient[]
}

/** What became of a recipient after an attempt. */
export type Settlement =
  | { readonly index: number; readonly kind: 'done' }
  | {
      readonly index: number
      readonly kind: 'deferred'
      readonly dueMs: number
      readonly note: DeliveryNote
      readonly delayWarned?: true
    }
  | {
      readonly index: number
      readonly kind: 'place'
      readonly account: AccountId
      readonly mailbox: string
      readonly prefix: Uint8Array
      readonly flags?: Flags
    }

export interface Acceptance {
  readonly message: StagedMessage
  readonly entry: NewQueueEntry
}

export interface AcceptedRecipient {
  readonly address: string
  /** 'queued' also for a mailbox that was over quota: its `note` says so and the queue retries. */
  readonly outcome: 'placed' | 'queued'
  readonly placed?: Placed
  readonly note?: DeliveryNote
}

export interface QueueStore {
  newId(nowMs: number): QueueId
  /** Places local recipients and enqueues the rest: one unit, durable on return. */
  accept(acceptance: Acceptance): Promise<readonly AcceptedRecipient[]>
  /** Marks due recipients as claimed by `owner` until the lease ends; each entry lists only claimed recipients. */
  claimDue(claim: {
    readonly owner: string
    readonly nowMs: number
    readonly leaseUntilMs: number
    readonly limit: number
    /** Next hops to pass over for now (at their concurrency limit). */
    readonly except?: readonly string[]
  }): Promise<readonly QueueEntry[]>
  /** Records outcomes and, in the same unit, accepts messages made of them (bounces, warnings, forwards). */
  settle(
    queueId: QueueId,
    settlements: readonly Settlement[],
    made?: readonly Acceptance[],
  ): Promise<{ readonly unplaced: readonly number[]; readonly removed: boolean }>
  /** Gives back claims without counting the attempt (shutdown). */
  release(owner: string): Promise<void>
  get(queueId: QueueId): Promise<QueueEntry | undefined>
  /** Ordered by arrival; `after` pages on. */
  list(page?: { readonly after?: QueueId; readonly limit?: number }): Promise<readonly QueueEntry[]>
  count(): Promise<number>
  /** Time of the next due recipient that is not held or claimed. */
  nextDueMs(): Promise<number | undefined>
  read(queueId: QueueId, start?: number, end?: number): Promise<Uint8Array | undefined>
  /** Makes recipients due now: all, of one message, or for one next hop (ETRN, `postqueue -s`). */
  flush(what: {
    readonly nowMs: number
    readonly queueId?: QueueId
    readonly nextHop?: string
  }): Promise<number>
  setHold(queueId: QueueId, to: 'held' | 'released'): Promise<boolean>
  remove(queueId: QueueId): Promise<boolean>
}

// ---------------------------------------------------------------- greylist, counters, locks

export interface GreylistTriplet {
  /** Client network: /24 or /64, as text. */
  readonly network: string
  readonly sender: string
  readonly recipient: string
}
export interface GreylistRow extends GreylistTriplet {
  readonly firstSeenMs: number
  readonly lastSeenMs: number
  readonly passed: number
}

export interface GreylistStore {
  /**
   * Records an attempt. `wait` says how many ms remain before this triplet passes; 0 = passes.
   * Rules (delay, retry window, expiry, auto-whitelist after n passes of a network) are the caller's.
   */
  attempt(
    triplet: GreylistTriplet,
    rules: {
      readonly nowMs: number
      readonly delayMs: number
      readonly retryWindowMs: number
      readonly maxAgeMs: number
      readonly autoWhitelistPasses: number
    },
  ): Promise<{ readonly waitMs: number; readonly first: boolean; readonly autoWhitelisted: boolean }>
  list(limit?: number): Promise<readonly GreylistRow[]>
  expire(nowMs: number, retryWindowMs: number, maxAgeMs: number): Promise<number>
}

/** Small shared counters with an end (login failures, rates): seen by all workers, not durable. */
export interface CounterStore {
  add(key: string, amount: number, nowMs: number, windowMs: number): Promise<number>
  get(key: string, nowMs: number): Promise<number>
  reset(key: string): Promise<void>
}

export interface LockStore {
  /** Exclusive across workers; undefined when somebody living holds it. Release by calling the result. */
  acquire(name: string, owner: string): Promise<(() => Promise<void>) | undefined>
}

// ---------------------------------------------------------------- the whole

/** Tells other processes on the same store that something changed; a lost one costs latency only. */
export interface WakeBus {
  publish(wake: Wake): void
  subscribe(listener: (wake: Wake) => void): () => void
}
export type Wake =
  | {
      readonly kind: 'mailbox'
      readonly mailbox: MailboxId
      readonly account: AccountId
      readonly modSeq: ModSeq
    }
  /** Mailboxes created, removed, renamed, subscribed. */
  | { readonly kind: 'mailboxes'; readonly account: AccountId }
  | { readonly kind: 'queue' }
  | { readonly kind: 'accounts' }

export interface Store {
  readonly accounts: AccountStore
  readonly mailboxes: MailboxStore
  readonly messages: MessageStore
  readonly queue: QueueStore
  readonly greylist: GreylistStore
  readonly counters: CounterStore
  readonly locks: LockStore
  /** Called after commit, in this process for own changes and for others' wake-ups. Returns unwatch. */
  watch(listener: (wake: Wake) => void): () => void
  watchMailbox(mailbox: MailboxId, listener: (modSeq: ModSeq) => void): () => void
  /** Waits for running units of work, flushes, closes. */
  close(): Promise<void>
}

export interface StoreOptions {
  /** Folder of the store (made when missing, mode 700). */
  readonly directory: string
  readonly wakeBus?: WakeBus
  /** ms since 1970. */
  readonly now?: () => number
  /** Octets an account may hold when it has no quota of its own; 0 = unlimited. */
  readonly defaultQuotaBytes?: number
  /** Names made with each account beside INBOX. Default: Drafts Sent Junk Trash Archive with special-use. */
  readonly defaultMailboxes?: readonly { readonly name: string; readonly specialUse: SpecialUse }[]
}
