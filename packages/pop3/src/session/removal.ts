import { type Account, type MailboxId, type Store, systemFlag } from '@posthorn/storage'

/**
 * What QUIT does with messages marked by DELE. Dovecot: pop3_delete_type, pop3_deleted_flag. 'trash': they go to
 * the mailbox with the use \Trash.
 */
export interface Removal {
  readonly how: 'expunge' | 'trash' | 'flag'
  /** Keyword, with 'flag': messages that carry it are in no maildrop any more. */
  readonly keyword: string
}

/** Messages that one step moves: the store does not keep others waiting for long. */
const sliceCount = 1_000
const dayMs = 86_400_000

/** Durable on return. */
export async function removeMessages(
  store: Store,
  account: Account,
  inbox: MailboxId,
  uids: Uint32Array,
  { how, keyword }: Removal,
): Promise<void> {
  if (uids.length === 0) return
  if (how === 'flag') {
    await store.messages.changeFlags(inbox, uids, { op: 'add', flags: { system: 0, keywords: [keyword] } })
    return
  }
  if (how === 'expunge') {
    await store.messages.discard(inbox, uids)
    return
  }
  const trash = await trashOf(store, account)
  for (let from = 0; from < uids.length; from += sliceCount) {
    await store.messages.move(inbox, uids.subarray(from, from + sliceCount), trash)
  }
}

async function trashOf(store: Store, account: Account): Promise<MailboxId> {
  const mailboxes = await store.mailboxes.list(account.id)
  const trash =
    mailboxes.find(({ specialUse }) => specialUse.includes('Trash')) ??
    mailboxes.find(({ name, selectable }) => selectable && name === 'Trash')
  return (trash ?? (await store.mailboxes.create(account.id, 'Trash', ['Trash']))).id
}

/** RFC 2449 §6.7 EXPIRE: messages that were read and have been kept for so many days. */
export async function expiredMessages(
  store: Store,
  inbox: MailboxId,
  expireDays: number,
  nowMs: number,
): Promise<Uint32Array> {
  const { uids } = await store.messages.search(inbox, {
    kind: 'and',
    of: [
      { kind: 'flag', mask: systemFlag.seen },
      { kind: 'save-date', fromMs: 0, toMs: nowMs - expireDays * dayMs },
    ],
  })
  return uids
}

/** Messages that an earlier session removed by a keyword. */
export async function hiddenMessages(
  store: Store,
  inbox: MailboxId,
  { how, keyword }: Removal,
): Promise<ReadonlySet<number>> {
  if (how !== 'flag') return new Set()
  const { uids } = await store.messages.search(inbox, { kind: 'keyword', name: keyword })
  return new Set(uids)
}
