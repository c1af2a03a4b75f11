import type { AccountId, MailboxId, ModSeq, Uid } from './ids.ts'

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

/** What lists of names show of a mailbox. */
export type NamedMailbox = Pick<
  Mailbox,
  'id' | 'account' | 'name' | 'uidValidity' | 'specialUse' | 'subscribed' | 'selectable' | 'objectId'
>

export interface Quota {
  readonly usedBytes: number
  readonly usedMessages: number
  /** Octets; 0 = unlimited. */
  readonly limitBytes: number
  /** 0 = unlimited. */
  readonly limitMessages: number
}

export interface MailboxStore {
  /**
   * Ordered by name, INBOX first. Of thousands, not all are as they were at one moment: others get their turn between.
   * @param isWanted by its name; all by default
   */
  list(account: AccountId, isWanted?: (name: string) => boolean): Promise<readonly Mailbox[]>
  /** Every name, in the order of `list`. Mailboxes that are not wanted are not read: undefined. */
  names(
    account: AccountId,
    isWanted: (name: string) => boolean,
  ): Promise<ReadonlyMap<string, NamedMailbox | undefined>>
  subscriptions(account: AccountId): Promise<readonly string[]>
  find(account: AccountId, name: string): Promise<Mailbox | undefined>
  get(id: MailboxId): Promise<Mailbox | undefined>
  /** Creates missing parents too (RFC 9051 §6.3.4). */
  create(account: AccountId, name: string, specialUse?: readonly SpecialUse[]): Promise<Mailbox>
  /** Children stay; a name with children remains as not selectable (RFC 9051 §6.3.5). */
  remove(account: AccountId, name: string): Promise<void>
  /** Renames children too; renaming INBOX moves its messages (RFC 9051 §6.3.6). */
  rename(account: AccountId, from: string, to: string): Promise<void>
  /** 'mailbox-exists' when another mailbox of the account has one of these uses. */
  setSpecialUse(id: MailboxId, specialUse: readonly SpecialUse[]): Promise<void>
  /** A subscription is of a name, existing or not. */
  subscribe(account: AccountId, name: string, on: 'subscribed' | 'unsubscribed'): Promise<void>
  quota(account: AccountId): Promise<Quota>
  /**
   * The mailbox goes on under the numbers it had on another server: UIDVALIDITY while no UID was given here (else
   * 'limit'), UIDNEXT upwards only.
   */
  continueFrom(
    id: MailboxId,
    numbers: { readonly uidValidity: number; readonly uidNext: number },
  ): Promise<Mailbox>
  /**
   * Names by which clients know messages from elsewhere, by UID: POP3 unique-ids of the server before this one. 1 to 70
   * printable characters (RFC 1939 §7), else 'invalid-name'. They go with the mailbox.
   */
  keepUniqueIds(id: MailboxId, ids: ReadonlyMap<number, string>): Promise<void>
  /** Of messages that have gone, too. */
  uniqueIds(id: MailboxId): Promise<ReadonlyMap<number, string>>
  /** Takes the \Recent claim of all messages up to `last` (all by default); returns the first UID that was still recent. */
  claimRecent(id: MailboxId, last?: number): Promise<Uid>
  /**
   * The first of the messages `first` to `last` that no session of any process was told of as \Recent, `last` + 1 when there is
   * none: from now on they are told. At once, and until the next boot: `claimRecent` is for longer. RFC 3501 §2.3.2.
   */
  claimTold(id: MailboxId, first: number, last: number): number
}
