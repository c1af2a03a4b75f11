import { type AccountId, type MailboxId, type Store, StoreError, type Wake } from '@posthorn/storage'

/** Somebody who has a mailbox open. */
export interface OpenBy {
  readonly id: MailboxId
  readonly account: AccountId
  /** It belongs to somebody else than who opened it. */
  readonly isShared: boolean
  /** It may have changed, or be gone. */
  changed(): void
  /** What may be done there may have changed: `changed` follows. */
  sharingChanged(): void
}

/** One listener at the store for all sessions: an idle client costs an entry in a Set. */
export class MailboxWatch {
  readonly #open = new Map<MailboxId, Set<OpenBy>>()
  /** After the last message that a session here had as \Recent. */
  readonly #recentBefore = new Map<MailboxId, number>()
  readonly #listeners = new Set<(wake: Wake) => void>()
  readonly #unwatch: () => void
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
    this.#unwatch = store.watch((wake) => this.#tell(wake))
  }

  /** For those who follow more than the mailbox that they have open. Returns how to stop. */
  listen(listener: (wake: Wake) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  add(mailbox: OpenBy): void {
    const same = this.#open.get(mailbox.id)
    if (same === undefined) this.#open.set(mailbox.id, new Set([mailbox]))
    else same.add(mailbox)
  }

  remove(mailbox: OpenBy): void {
    const same = this.#open.get(mailbox.id)
    if (!same?.delete(mailbox) || same.size > 0) return
    this.#open.delete(mailbox.id)
    this.#recentBefore.delete(mailbox.id)
  }

  /**
   * The first of the messages `first` to `last` that no other session was told of, of this or another process.
   * RFC 3501 §2.3.2.
   */
  claimRecent(id: MailboxId, first: number, last: number): number {
    const before = this.#recentBefore.get(id) ?? 0
    if (last < before) return before
    if (this.#open.has(id)) this.#recentBefore.set(id, last + 1)
    const mine = Math.max(first, before)
    try {
      return this.#store.mailboxes.claimTold(id, mine, last)
    } catch (error) {
      // A full disk is no reason not to announce mail: sessions of other processes may call it \Recent, too.
      if (error instanceof StoreError) return mine
      throw error
    }
  }

  close(): void {
    this.#unwatch()
  }

  #tell(wake: Wake): void {
    for (const listener of this.#listeners) listener(wake)
    if (wake.kind === 'mailbox') {
      for (const mailbox of this.#open.get(wake.mailbox) ?? []) mailbox.changed()
    } else if (wake.kind === 'mailboxes') {
      // One of them may have been deleted, or shared with others.
      this.#tellSharing((mailbox) => mailbox.account === wake.account)
    } else if (wake.kind === 'accounts') {
      // Somebody may have joined or left a group.
      this.#tellSharing((mailbox) => mailbox.isShared)
    }
  }

  #tellSharing(isMeant: (mailbox: OpenBy) => boolean): void {
    for (const same of this.#open.values()) {
      for (const mailbox of same) {
        if (!isMeant(mailbox)) continue
        mailbox.sharingChanged()
        mailbox.changed()
      }
    }
  }
}
