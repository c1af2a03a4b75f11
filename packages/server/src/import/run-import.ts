import type { Account, Store } from '@posthorn/storage'
import { importMailbox, isNameError, planMailbox, targetName } from './import-mailbox.ts'
import { Ledger } from './ledger.ts'
import type { Progress } from './progress.ts'
import { type MailboxReceipt, sideOf } from './receipt.ts'
import { type MailSource, SourceError, type SourceMailbox } from './source.ts'

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
  /** pop3_uidl_format: of the server before this one, too. */
  readonly uidlFormat: string
  readonly progress: Progress
}

/** One pass over the source. What was brought before is not brought again. */
export async function runImport(source: MailSource, options: ImportOptions): Promise<MailboxReceipt[]> {
  const { store, account, progress } = options
  const ledger = Ledger.open(options.ledgerFolder, source.identity, account.address, 'write')
  const receipts: MailboxReceipt[] = []
  const failures: SourceError[] = []
  try {
    for (const { mailbox, to, taken } of await pairs(source, options)) {
      if (taken !== undefined) {
        receipts.push(refused(mailbox.name, to, `"${taken}" goes there already${wayOut(mailbox.name)}`))
        continue
      }
      try {
        receipts.push(
          await importMailbox(mailbox, {
            store,
            ledger,
            account: account.id,
            to,
            removals: options.removals,
            uidlFormat: options.uidlFormat,
            started: (messages) => progress.mailbox(to, messages),
            done: progress.done,
          }),
        )
      } catch (error) {
        // What the other side fails at is no reason to leave the rest, where there is any.
        if (error instanceof SourceError) {
          failures.push(error)
          receipts.push(refused(mailbox.name, to, error.message))
        } else if (isNameError(error))
          receipts.push(refused(mailbox.name, to, error.message + wayOut(mailbox.name)))
        else throw error
      }
    }
  } finally {
    progress.end()
    ledger.close()
  }
  if (failures[0] !== undefined && failures.length === receipts.length) throw failures[0]
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
  differences: [why],
})

const wayOut = (from: string): string => ` (--map '${from}=NAME' brings it under another name)`

interface Pair {
  readonly mailbox: SourceMailbox
  readonly to: string
  /** Another one goes there: what is brought is known by its target alone, and would be mixed up. */
  readonly taken: string | undefined
}

/** What was mapped, or has the use of a mailbox here, comes before what merely has the name. */
async function pairs(source: MailSource, { store, account, map, only }: ImportOptions): Promise<Pair[]> {
  const own = await store.mailboxes.list(account.id)
  const mailboxes = await source.mailboxes()
  const chosen = mailboxes
    .filter(({ name }) => only.size === 0 || only.has(name))
    .map((mailbox) => ({ mailbox, to: targetName(mailbox, own, map) }))
  const claims = new Map<string, string>()
  const asked = ({ mailbox: { name, specialUse }, to }: (typeof chosen)[number]): number =>
    map.has(name) ? 0 : to !== name || specialUse !== undefined ? 1 : 2
  for (const pair of [...chosen].sort(
    (a, b) => asked(a) - asked(b) || (a.mailbox.name < b.mailbox.name ? -1 : 1),
  ))
    if (!claims.has(folded(pair.to))) claims.set(folded(pair.to), pair.mailbox.name)
  return chosen.map(({ mailbox, to }) => {
    const claimed = claims.get(folded(to))
    return { mailbox, to, taken: claimed === mailbox.name ? undefined : claimed }
  })
}

/** As the store takes names. */
const folded = (name: string): string => {
  const plain = name.normalize('NFC')
  return /^inbox$/i.test(plain) ? 'INBOX' : plain.replace(/^inbox(?=\/)/i, 'INBOX')
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
  for (const { mailbox, to, taken } of await pairs(source, options))
    if (taken === undefined) forecasts.push(await forecast(mailbox, to, store, account, ledger))
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
