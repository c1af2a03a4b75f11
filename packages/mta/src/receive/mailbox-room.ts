import type { AccountId, Quota, Store } from '@posthorn/storage'
import type { Refusal } from '../policy/index.ts'
import type { Routing } from '../routing/index.ts'

export interface MailboxRoom {
  /** `452 4.2.2` when the mailbox of this very address is full; what aliases lead to is seen at delivery. */
  refusal(address: string, sizeBytes: number, routing: Routing): Promise<Refusal | undefined>
}

const maxAgeMs = 1_000
const maxEntries = 10_000

/** Asks for an account's quota at most once a second. */
export function createMailboxRoom(store: Pick<Store, 'mailboxes'>, now: () => number): MailboxRoom {
  const kept = new Map<AccountId, { readonly quota: Quota; readonly untilMs: number }>()

  async function quotaOf(account: AccountId): Promise<Quota> {
    const entry = kept.get(account)
    if (entry !== undefined && entry.untilMs > now()) return entry.quota
    const quota = await store.mailboxes.quota(account)
    if (kept.size >= maxEntries) kept.clear()
    kept.set(account, { quota, untilMs: now() + maxAgeMs })
    return quota
  }

  return {
    async refusal(address, sizeBytes, routing) {
      const account = await routing.mailboxOf(address)
      if (account === undefined) return undefined
      const { usedBytes, limitBytes } = await quotaOf(account.id)
      if (limitBytes === 0 || (usedBytes < limitBytes && usedBytes + sizeBytes <= limitBytes))
        return undefined
      return { code: 452, status: '4.2.2', text: `<${address}>: Recipient address rejected: Mailbox is full` }
    },
  }
}
