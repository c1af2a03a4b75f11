import type { AccountId, MailboxId } from './ids.ts'
import type { Mailbox, NamedMailbox } from './mailboxes.ts'

/** RFC 4314 §2.1: lookup, read, seen, write, insert, post, create, delete, \Deleted, expunge, administer. */
export const allRights = 'lrswipkxtea'

/** What an owner keeps whatever the list says: nobody can lock himself out. */
export const ownerRights = 'la'

/** Letters of `allRights`, in that order. */
export type Rights = string

/** Whom an entry of an access control list is about. */
export type AclSubject =
  | { readonly kind: 'user'; readonly account: AccountId }
  | { readonly kind: 'group'; readonly name: string }
  /** Whoever logs in, and whoever sends mail. */
  | { readonly kind: 'anyone' }
  /** Whoever logs in. */
  | { readonly kind: 'authenticated' }

export interface AclEntry {
  readonly subject: AclSubject
  /** RFC 4314 §2: `denies` takes away what other entries grant. */
  readonly effect: 'grants' | 'denies'
  readonly rights: Rights
}

export interface AclChange extends AclEntry {
  readonly op: 'replace' | 'add' | 'remove'
}

/** A mailbox of somebody else. */
export interface SharedMailbox {
  readonly mailbox: Mailbox
  /** The owner's address. */
  readonly owner: string
  readonly rights: Rights
}

export interface Group {
  /** Lower case. */
  readonly name: string
  readonly members: readonly AccountId[]
}

/**
 * Who may do what in whose mailbox. Rights are the union of what the entries that apply grant, without what
 * they deny. The owner has every right unless an entry names him; `la` always.
 */
export interface SharingStore {
  /** As set; without the owner's implicit rights. */
  acl(mailbox: MailboxId): Promise<readonly AclEntry[]>
  /** An entry that is left without rights goes, but for one that limits the owner. 'no-such-group'. */
  changeAcl(mailbox: MailboxId, change: AclChange): Promise<void>
  /** False when there was no such entry. */
  removeAclEntry(mailbox: MailboxId, entry: Pick<AclEntry, 'subject' | 'effect'>): Promise<boolean>
  /** '' for a mailbox that is not there. 'stranger': who sends mail without being known. */
  rights(mailbox: MailboxId, who: AccountId | 'stranger'): Promise<Rights>
  /** The same of each mailbox that was just looked up, in their order. */
  rightsOnEach(
    mailboxes: readonly Pick<NamedMailbox, 'id' | 'account'>[],
    who: AccountId,
  ): Promise<readonly Rights[]>
  /** Mailboxes of others on which the account has any right, by owner and name. */
  sharedWith(account: AccountId): Promise<readonly SharedMailbox[]>
  groups(): Promise<readonly Group[]>
  /** Named with letters, digits, `.`, `_`, `-`; case does not matter. 'group-exists', 'invalid-name', 'limit'. */
  createGroup(name: string): Promise<void>
  /** With the entries that name it. */
  removeGroup(name: string): Promise<void>
  changeMembership(name: string, account: AccountId, to: 'member' | 'stranger'): Promise<void>
}
