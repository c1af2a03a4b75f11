import { findHeader } from '@posthorn/mail'
import type { MailboxId, Store } from '@posthorn/storage'

/**
 * Unique-ids that another server wrote into messages as `X-UIDL`, by UID (Dovecot: pop3_reuse_xuidl). RFC 1939 §7:
 * what is not one, or not the only one, does not count.
 */
export async function foundUidls(
  store: Store,
  mailbox: MailboxId,
  uids: Uint32Array,
): Promise<ReadonlyMap<number, string>> {
  const found = new Map<number, string>()
  const taken = new Set<string>()
  for await (const batch of store.messages.fetch(mailbox, uids, { bytes: 'header' })) {
    batch.bytes?.forEach((header, at) => {
      const id = findHeader(header, 'X-UIDL')
      if (id === undefined || taken.has(id) || !/^[\x21-\x7e]{1,70}$/.test(id)) return
      taken.add(id)
      found.set(batch.uids[at]!, id)
    })
  }
  return found
}
