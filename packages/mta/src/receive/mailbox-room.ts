import type { Answer } from '@posthorn/smtp'
import type { AccountId, Quota, Store } from '@posthorn/storage'
import type { Refusal } from '../policy/index.ts'
import type { Routing } from '../routing/index.ts'
import { after } from './answer.ts'

export interface MailboxRoom {
  /** `452 4.2.2` when the mailbox of this very address is full; what aliases lead to is seen at delivery. */
  refusal(address: string, sizeBytes: number, routing: Routing): Answer<Refusal | undefined>
}

const maxAgeMs = 1_000
const maxEntries = 10_000

/** Asks for an account's quota at most once a second. */
export function createMailboxRoom(store: Pick<Store, 'mailboxes'>, now: () => number): MailboxRoom {
  const kept = new Map<AccountId, { readonly quota: Quota; readonly untilMs: number }>()

  function quotaOf(account: AccountId): Answer<Quota> {
    const entry = kept.get(account)
    return entry !== undefined && entry.untilMs > now() ? entry.quota : load(account)
  }

  async function load(account: AccountId): Promise<Quota> {
    const quota = await store.mailboxes.quota(account)
    if (kept.size >= maxEntries) kept.clear()
    kept.set(account, { quota, untilMs: now() + maxAgeMs })
    return quota
  }

  return {
    refusal: (address, sizeBytes, routing) =>
      after(routing.mailboxOf(address), (account) =>
        account === undefined
          ? undefined
          : after(quotaOf(account.id), (quota) => (hasRoom(quota, sizeBytes) ? undefined : full(address))),
      ),
  }
}

const hasRoom = ({ usedBytes, limitBytes, usedMessages, limitMessages }: Quota, sizeBytes: number): boolean =>
  (limitBytes === 0 || (usedBytes < limitBytes && usedBytes + sizeBytes <= limitBytes)) &&
  (limitMessages === 0 || usedMessages < limitMessages)

const full = (address: string): Refusal => ({
  code: 452,
  status: '4.2.2',
  text: `<${address}>: Recipient address rejected: Mailbox is full`,
})
