import type { Flags } from './flags.ts'
import type { AccountId, QueueId } from './ids.ts'
import type { Placed, StagedMessage } from './messages.ts'

/** RFC 3461 and RFC 6531 parameters of the envelope, as given. */
export interface EnvelopeOptions {
  readonly ret?: 'FULL' | 'HDRS'
  readonly envid?: string
  readonly smtpUtf8?: true
  readonly body?: '7BIT' | '8BITMIME'
  readonly requireTls?: true
  /** The sender hears what came of the first attempt, also that it has to wait. Postfix: sendmail -v. */
  readonly trace?: 'first-attempt'
}

/** Where a message came from, for logs, bounces and `postcat`. */
export interface Origin {
  readonly clientName: string
  readonly clientAddress: string
  readonly helo: string
  readonly protocol: string
  readonly saslMethod?: string
  readonly saslUsername?: string
  readonly clientPort?: number
  /** The queue ID that a server before a content filter gave it. Postfix: XFORWARD_README. */
  readonly ident?: string
  /** Whether its header was ours to rewrite. Postfix: local_header_rewrite_clients. */
  readonly source?: 'local' | 'remote'
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
        /** Envelope sender of this recipient when it is not the entry's (an `owner-` alias, Postfix: aliases(5)). */
        readonly sender?: string
        /** Sent before the message to this recipient: `Delivered-To:` of a forwarding account or alias. */
        readonly prefix?: Uint8Array
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
  /** As in `NewRecipient`: instead of the entry's sender, and octets to be sent before the message. */
  readonly sender?: string
  readonly prefix?: Uint8Array
  readonly state: 'queued' | 'claimed'
  readonly dueMs: number
  /**
   * Claims since the last settlement: counted when claimed, before the attempt, so that a message that kills
   * its worker is seen. `settle` with 'deferred' sets it back to 0, `release` takes the claim off again.
   */
  readonly attempts: number
  /** Deliveries since the last settlement that `begin` has noted. */
  readonly begun?: number
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
  /** To be returned at the next attempt, whatever its age. Postfix: postsuper -e. */
  readonly forcedExpiry?: true
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

/** A claim's owner and the time it has. */
export interface LeaseTerms {
  readonly owner: string
  readonly nowMs: number
  readonly leaseUntilMs: number
  /**
   * Now by a clock of this machine that never jumps, the same for all its processes: a lease that is claimed and asked
   * for with it ends by it. Default: by `nowMs`.
   */
  readonly steadyMs?: number
}

export interface QueueStore {
  newId(nowMs: number): QueueId
  /** Places local recipients and enqueues the rest: one unit, durable on return. */
  accept(acceptance: Acceptance): Promise<readonly AcceptedRecipient[]>
  /**
   * As `accept`; recipients of the queue that are due by now are claimed in the same unit, as `claimDue` would.
   * `claimed` lists them; undefined when there are none.
   */
  acceptClaimed(
    acceptance: Acceptance,
    claim: LeaseTerms,
  ): Promise<{ readonly accepted: readonly AcceptedRecipient[]; readonly claimed: QueueEntry | undefined }>
  /** Marks due recipients as claimed by `owner` until the lease ends; each entry lists only claimed recipients. */
  claimDue(
    claim: LeaseTerms & {
      readonly limit: number
      /** Next hops to pass over for now (at their concurrency limit). */
      readonly except?: readonly string[]
      /** Transports to pass over for now. */
      readonly exceptTransports?: readonly string[]
    },
  ): Promise<readonly QueueEntry[]>
  /**
   * Notes that the delivery of claimed recipients begins, before it does: asked for where a claim before ended without
   * an outcome, to tell who was being delivered then from who only waited. Counted in `begun`.
   */
  begin(queueId: QueueId, indexes: readonly number[]): Promise<void>
  /** Records outcomes and, in the same unit, accepts messages made of them (bounces, warnings, forwards). */
  settle(
    queueId: QueueId,
    settlements: readonly Settlement[],
    made?: readonly Acceptance[],
  ): Promise<{ readonly unplaced: readonly number[]; readonly removed: boolean }>
  /** Gives back claims without counting the attempt (shutdown). */
  release(owner: string): Promise<void>
  /**
   * Gives back at once what processes that no longer run had claimed; their attempts stay counted. Resolves
   * with the number of recipients.
   */
  releaseDead(nowMs: number): Promise<number>
  get(queueId: QueueId): Promise<QueueEntry | undefined>
  /** Ordered by arrival; `after` pages on, from when it arrived if it may have gone meanwhile. */
  list(page?: {
    readonly after?: QueueId
    /** ms since 1970 */
    readonly afterArrivedMs?: number
    readonly limit?: number
  }): Promise<readonly QueueEntry[]>
  count(): Promise<number>
  /** Time of the next due recipient that is not held or claimed. */
  nextDueMs(): Promise<number | undefined>
  read(queueId: QueueId, start?: number, end?: number): Promise<Uint8Array | undefined>
  /** Makes recipients due now: all, of one message, or for one next hop (ETRN, `postqueue -s`), of one domain there. */
  flush(what: {
    readonly nowMs: number
    readonly queueId?: QueueId
    readonly nextHop?: string
    /** In lower case. */
    readonly domain?: string
  }): Promise<number>
  setHold(queueId: QueueId, to: 'held' | 'released'): Promise<boolean>
  /** Marks the message for its return and, unless it is held, makes it due. False: not there, or marked already. */
  expire(queueId: QueueId, nowMs: number): Promise<boolean>
  remove(queueId: QueueId): Promise<boolean>
  /** Queue ids in the order of arrival, from behind a place: what `list` shows, without reading it. */
  places(after: QueuePlace | undefined, limit: number): Promise<readonly QueuePlace[]>
  /** One change of some hundred messages in one unit; resolves with those that it changed. */
  changeMany(queueIds: readonly QueueId[], change: QueueChange): Promise<readonly QueueId[]>
}

export interface QueuePlace {
  readonly queueId: QueueId
  readonly arrivedMs: number
}

/** As `remove`, `setHold`, `flush` of one message (released, when it is held) and `expire`. */
export type QueueChange =
  /** One with thousands of recipients goes in several units; those that have not gone yet may be delivered meanwhile. */
  | { readonly kind: 'remove' }
  | { readonly kind: 'hold' | 'release' }
  | { readonly kind: 'requeue' | 'expire'; readonly nowMs: number }
