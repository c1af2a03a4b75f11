import type { Account, Store } from '@posthorn/storage'
import { importMailbox, isNameError, planMailbox, targetName } from './import-mailbox.ts'
import { Ledger } from './ledger.ts'
import type { Progress } from './progress.ts'
import { type MailboxReceipt, sideOf } from './receipt.ts'
import type { MailSource, SourceMailbox } from './source.ts'

export interface ImportOptions {
  readonly store: Store
  readonly account: Account
  /** Where the notes of imports lie. */
  readonly ledgerFolder: string
  /** Names there → names here. */
  readonly map: ReadonlyMap<string, string>
  /** Only these; all when empty. */
  readonly only: ReadonlySet<string>
  readonly removals: 'kept' | 'followed'
  readonly progress: Progress
}

/** One pass over the source. What was brought before is not brought again. */
export async function runImport(source: MailSource, options: ImportOptions): Promise<MailboxReceipt[]> {
  const { store, account, progress } = options
  const ledger = Ledger.open(options.ledgerFolder, source.identity, account.address, 'write')
  const receipts: MailboxReceipt[] = []
  try {
    for (const { mailbox, to } of await pairs(source, options)) {
      try {
        receipts.push(
          await importMailbox(mailbox, {
            store,
            ledger,
            account: account.id,
            to,
            removals: options.removals,
            started: (messages) => progress.mailbox(to, messages),
            done: progress.done,
          }),
        )
      } catch (error) {
        if (!isNameError(error)) throw error
        receipts.push(refused(mailbox.name, to, error.message))
      }
    }
  } finally {
    progress.end()
    ledger.close()
  }
  return receipts
}

const refused = (from: string, to: string, why: string): MailboxReceipt => ({
  from,
  to,
  added: 0,
  flagsChanged: 0,
  removed: 0,
  source: sideOf([]),
  here: sideOf([]),
  others: 0,
  uids: 'new',
  differences: [`${why} (--map '${from}=NAME' brings it under another name)`],
})

async function pairs(source: MailSource, { store, account, map, only }: ImportOptions) {
  const own = await store.mailboxes.list(account.id)
  const mailboxes = await source.mailboxes()
  const chosen = mailboxes.filter(({ name }) => only.size === 0 || only.has(name))
  return chosen.map((mailbox) => ({ mailbox, to: targetName(mailbox, own, map) }))
}

export interface MailboxForecast {
  readonly from: string
  readonly to: string
  readonly messages: number
  readonly fresh: number
  readonly freshBytes: number
  readonly reflagged: number
  readonly vanished: number
}

/** The same without a change, here or there. */
export async function forecastImport(source: MailSource, options: ImportOptions): Promise<MailboxForecast[]> {
  const { store, account } = options
  const ledger = Ledger.open(options.ledgerFolder, source.identity, account.address, 'read-only')
  const forecasts: MailboxForecast[] = []
  for (const { mailbox, to } of await pairs(source, options))
    forecasts.push(await forecast(mailbox, to, store, account, ledger))
  return forecasts
}

async function forecast(
  source: SourceMailbox,
  to: string,
  store: Store,
  account: Account,
  ledger: Ledger,
): Promise<MailboxForecast> {
  const target = await store.mailboxes.find(account.id, to)
  const messages = await source.list()
  const brought = target === undefined ? new Map() : ledger.brought(target.name, target.uidValidity)
  const plan = planMailbox(messages, brought)
  return {
    from: source.name,
    to,
    messages: messages.length,
    fresh: plan.fresh.length,
    freshBytes: plan.fresh.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    reflagged: plan.reflagged.length,
    vanished: plan.vanished.length,
  }
}
