import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Account, MailboxId, Maintenance, Store, StoreOptions } from '../contract.ts'
import { openStore } from '../open-store.ts'

export interface Place {
  readonly directory: string
  readonly store: Store & Maintenance
  readonly account: Account
  readonly inbox: MailboxId
  /** Before the end of the test. */
  close(): Promise<void>
}

/** A store in a folder of its own, with one account. */
export const openInbox = async (
  t: TestContext,
  options: Omit<StoreOptions, 'directory'> = {},
): Promise<Place> => {
  const directory = await mkdtemp(join(tmpdir(), 'inbox-'))
  const store = await openStore({ directory, ...options })
  let isOpen = true
  const close = async (): Promise<void> => {
    if (isOpen) await store.close()
    isOpen = false
  }
  t.after(async () => {
    await close()
    await rm(directory, { recursive: true })
  })
  const account = await store.accounts.create({
    address: 'u@example.org',
    passwordHash: '',
    enabled: true,
    quotaBytes: 0,
    home: '',
  })
  return { directory, store, account, inbox: await mailboxOf(store, account, 'INBOX'), close }
}

export const mailboxOf = async (store: Store, account: Account, name: string): Promise<MailboxId> => {
  const found = await store.mailboxes.find(account.id, name)
  if (found === undefined) throw new Error(`No mailbox ${name}`)
  return found.id
}
