import type { Log } from '@posthorn/mail'
import type { AccountStore } from './accounts.ts'
import type { AnnotationStore } from './annotations.ts'
import type { CounterStore, LockStore, TallyStore } from './counters.ts'
import type { GreylistStore } from './greylist.ts'
import type { AccountId, MailboxId, ModSeq } from './ids.ts'
import type { MailboxStore, SpecialUse } from './mailboxes.ts'
import type { ListedOctets, MessageStore } from './messages.ts'
import type { QueueStore } from './queue.ts'
import type { SharingStore } from './sharing.ts'

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
  /** Mailboxes created, removed, renamed, subscribed, shared. */
  | { readonly kind: 'mailboxes'; readonly account: AccountId }
  /** `flushed`: somebody wants mail tried now, also to hosts found dead: to that next hop, '' = to all. */
  | { readonly kind: 'queue'; readonly flushed?: string }
  /** Accounts, domains or groups; `account`: that one alone was made, changed or removed. */
  | { readonly kind: 'accounts'; readonly account?: AccountId }
  /** Names (`/shared/comment`) whose values changed, of a mailbox (of `account`) or of the server. */
  | {
      readonly kind: 'annotations'
      readonly mailbox?: MailboxId
      readonly account?: AccountId
      readonly names: readonly string[]
      /** Private ones: whose. */
      readonly privateTo?: AccountId
      readonly origin?: string
    }

export interface Store {
  readonly accounts: AccountStore
  readonly mailboxes: MailboxStore
  readonly messages: MessageStore
  readonly sharing: SharingStore
  readonly annotations: AnnotationStore
  readonly queue: QueueStore
  readonly greylist: GreylistStore
  readonly counters: CounterStore
  readonly tallies: TallyStore
  readonly locks: LockStore
  /** Called after commit, in this process for own changes and for others' wake-ups. Returns unwatch. */
  watch(listener: (wake: Wake) => void): () => void
  watchMailbox(mailbox: MailboxId, listener: (modSeq: ModSeq) => void): () => void
  /** Waits for running units of work, flushes, closes. */
  close(): Promise<void>
}

/**
 * Makes once what clients ask of every message in their lists: two columns of octets, opaque to the store. It runs
 * after the delivery, in a thread of the lowest priority.
 */
export interface ListingMaker {
  /** Exports `makeListing: MakeListing`. */
  readonly module: URL
  /** From 1 on; with another number everything is made anew. */
  readonly version: number
}

/**
 * @param summary encoded by @posthorn/mail `encodeSummary`
 * @param prefix trace fields put before the message at delivery
 * @param storedBytes of the message, prefix included
 */
export type MakeListing = (summary: Uint8Array, prefix: Uint8Array, storedBytes: number) => ListedOctets

export interface StoreOptions {
  /** Folder of the store (made when missing, mode 700). */
  readonly directory: string
  readonly wakeBus?: WakeBus
  /** Told what went wrong where nobody waits for an answer. Default: a warning of the process. */
  readonly log?: Log
  /** ms since 1970. */
  readonly now?: () => number
  readonly listing?: ListingMaker
  /** Octets an account may hold when it has no quota of its own; 0 = unlimited. */
  readonly defaultQuotaBytes?: number
  /** Messages an account may hold when it has no such limit of its own; 0 = unlimited. */
  readonly defaultQuotaMessages?: number
  /** Names made with each account beside INBOX. Default: Drafts Sent Junk Trash Archive with special-use. */
  readonly defaultMailboxes?: readonly { readonly name: string; readonly specialUse: SpecialUse }[]
}
