import type { AccountId, MailboxId, Store, Wake } from '@posthorn/storage'

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
  readonly #listeners = new Set<(wake: Wake) => void>()
  readonly #unwatch: () => void

  constructor(store: Store) {
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
    if (same?.delete(mailbox) && same.size === 0) this.#open.delete(mailbox.id)
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
