import type { AccountId, Store, Wake } from '@posthorn/storage'

/** Who submits, when he has logged in. */
export type Poster = AccountId | 'stranger'

export interface DetailMailboxes {
  /** The mailbox that `user+name` is delivered to; undefined: none of that name that this poster may post to. */
  find(account: AccountId, name: string, poster: Poster): Promise<string | undefined>
  close(): void
}

/** A lost wake-up costs this much latency. */
const maxAgeMs = 5_000
const maxEntries = 5_000

interface Entry {
  /** By folded name. */
  readonly names: ReadonlyMap<string, string>
  readonly untilMs: number
}

/**
 * Mailboxes that have an address of their own: those with the `p` right (RFC 4314 §2.1) for anyone, or for who
 * submits. Names are compared without case, as local parts of our addresses are.
 */
export function createDetailMailboxes(
  store: Pick<Store, 'watch' | 'mailboxes' | 'sharing'>,
  now: () => number,
): DetailMailboxes {
  const kept = new Map<AccountId, Map<Poster, Entry>>()
  let count = 0
  let changes = 0
  const close = store.watch((wake: Wake) => {
    if (wake.kind === 'mailboxes' || wake.kind === 'accounts') changes++
    if (wake.kind === 'mailboxes') kept.delete(wake.account)
    else if (wake.kind === 'accounts') kept.clear()
  })

  async function postable(account: AccountId, poster: Poster): Promise<ReadonlyMap<string, string>> {
    const names = new Map<string, string>()
    for (const { id, name, selectable } of await store.mailboxes.list(account)) {
      if (!selectable || name === 'INBOX') continue
      const rights = await store.sharing.rights(id, poster)
      if (rights.includes('p') && !names.has(folded(name))) names.set(folded(name), name)
    }
    return names
  }

  return {
    async find(account, name, poster) {
      let entry = kept.get(account)?.get(poster)
      if (entry === undefined || entry.untilMs <= now()) {
        const untilMs = now() + maxAgeMs
        const before = changes
        entry = { names: await postable(account, poster), untilMs }
        // Rights that were taken away while they were asked for are not kept.
        if (changes !== before) return entry.names.get(folded(name))
        if (++count > maxEntries) {
          kept.clear()
          count = 1
        }
        const ofAccount = kept.get(account) ?? new Map<Poster, Entry>()
        kept.set(account, ofAccount.set(poster, entry))
      }
      return entry.names.get(folded(name))
    },
    close,
  }
}

function folded(name: string): string {
  return name.normalize('NFC').toLowerCase()
}
