import { type Mailbox, type MailboxId, type Store, StoreError, type Uid } from '@posthorn/storage'
import { hashOctets } from './hashing.ts'
import type { Brought, Ledger } from './ledger.ts'
import type { SourceMailbox, SourceMessage } from './source.ts'

export interface BringOptions {
  readonly store: Store
  readonly ledger: Ledger
  readonly mailbox: Mailbox
  readonly done: (messages: number) => void
}

const batchMessages = 100
const batchBytes = 16 << 20

interface Read {
  readonly message: SourceMessage
  readonly octets: Buffer
  readonly hash: string
}

/**
 * Appends the messages, a batch in one unit of work; `orphans` are messages that are here already under a key that
 * the source does not know any more (a new UIDVALIDITY, a rewritten mbox): one with the same octets is taken for it.
 * Returns what could not be brought.
 */
export async function bringMessages(
  source: SourceMailbox,
  messages: readonly SourceMessage[],
  orphans: Map<string, Brought[]>,
  options: BringOptions,
): Promise<string[]> {
  const problems: string[] = []
  for (const batch of batchesOf(messages)) {
    const missing = new Set(batch)
    const fresh: Read[] = []
    for await (const { message, octets } of source.read(batch)) {
      missing.delete(message)
      const hash = hashOctets(octets)
      const known = orphans.get(hash)?.pop()
      if (known === undefined) fresh.push({ message, octets, hash })
      else adopt(options, known, message)
    }
    for (const message of missing)
      problems.push(
        `a message of ${dayOf(message)} could not be read there: gone, or the other side fails at it`,
      )
    if (fresh.length > 0) problems.push(...(await appendAll(options, fresh)))
    options.done(batch.length)
  }
  return problems
}

export const flagsOf = ({ system, keywords }: Pick<SourceMessage, 'system' | 'keywords'>): string =>
  [system, ...[...keywords].sort()].join(' ')

const dayOf = ({ internalDateMs }: SourceMessage): string =>
  new Date(internalDateMs).toISOString().slice(0, 10)

function* batchesOf(messages: readonly SourceMessage[]): Generator<SourceMessage[]> {
  let batch: SourceMessage[] = []
  let octets = 0
  for (const message of messages) {
    if (batch.length === batchMessages || (batch.length > 0 && octets + message.sizeBytes > batchBytes)) {
      yield batch
      batch = []
      octets = 0
    }
    batch.push(message)
    octets += message.sizeBytes
  }
  if (batch.length > 0) yield batch
}

function adopt({ ledger, mailbox }: BringOptions, known: Brought, message: SourceMessage): void {
  ledger.forget(mailbox.name, mailbox.uidValidity, [known.key])
  ledger.add(mailbox.name, mailbox.uidValidity, [{ ...known, key: message.key }])
}

/** What all of them cannot, each may. A full account ends the import: the rest would fail alike. */
async function appendAll(options: BringOptions, batch: readonly Read[]): Promise<string[]> {
  try {
    await appendUnit(options, batch)
    return []
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind === 'over-quota' || error.kind === 'no-space')
      throw error
    if (batch.length === 1) {
      const { message, octets } = batch[0] as Read
      return [`a message of ${dayOf(message)}, ${octets.length} octets: ${error.message}`]
    }
    const problems: string[] = []
    for (const one of batch) problems.push(...(await appendAll(options, [one])))
    return problems
  }
}

async function appendUnit({ store, ledger, mailbox }: BringOptions, batch: readonly Read[]): Promise<void> {
  const { name, uidValidity } = mailbox
  const fromUid = (await nextUid(store, mailbox.id)) as Uid
  const items = batch.map(({ message, hash }) => ({ key: message.key, hash, flags: flagsOf(message) }))
  ledger.begin(name, uidValidity, { fromUid, items })
  const staged = []
  for (const { message, octets } of batch) {
    const writer = store.messages.stage()
    await writer.write(octets)
    staged.push({
      message: await writer.finish(),
      flags: { system: message.system, keywords: message.keywords },
      internalDateMs: message.internalDateMs,
      ...(message.uid !== undefined && { uid: message.uid as Uid }),
    })
  }
  try {
    const placed = await store.messages.append(mailbox.id, staged)
    ledger.add(
      name,
      uidValidity,
      items.map((item, index) => ({ ...item, uid: (placed[index] as { uid: Uid }).uid })),
    )
  } catch (error) {
    await Promise.all(staged.map(({ message }) => message.abort().catch(() => undefined)))
    throw error
  }
}

const nextUid = async (store: Store, id: MailboxId): Promise<number> =>
  (await store.mailboxes.get(id))?.uidNext ?? 1
