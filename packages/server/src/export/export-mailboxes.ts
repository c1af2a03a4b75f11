import { compileUidlFormat, globalIdOf } from '@posthorn/pop3/uidl'
import { type Account, type Mailbox, type Store, systemFlag } from '@posthorn/storage'
import { hashOctets } from '../import/hashing.ts'
import type { Progress } from '../import/progress.ts'

/** A message on its way out. */
export interface ExportedMessage {
  readonly uid: number
  readonly system: number
  readonly keywords: readonly string[]
  /** ms since 1970. */
  readonly internalDateMs: number
  /** Of INBOX: as POP3 clients know it. */
  readonly pop3Id: string | undefined
  readonly octets: Buffer
}

/** Where one mailbox is written to. */
export interface MailboxWriter {
  write(message: ExportedMessage): void
  /** Everything is on disk afterwards. */
  end(): void
}

export interface ExportReport {
  readonly mailbox: string
  readonly messages: number
  readonly sizeBytes: number
  /** SHA-256 of every message as it is in the store. */
  readonly hashes: readonly string[]
}

/** Every mailbox of the account, one after the other, in bounded memory. */
export async function exportMailboxes(
  store: Store,
  account: Account,
  only: ReadonlySet<string>,
  progress: Progress,
  {
    uidlFormat,
    writerFor,
  }: { readonly uidlFormat: string; readonly writerFor: (mailbox: Mailbox) => MailboxWriter },
): Promise<ExportReport[]> {
  const mailboxes = (await store.mailboxes.list(account.id)).filter(
    ({ name, selectable }) => selectable && (only.size === 0 || only.has(name)),
  )
  const reports: ExportReport[] = []
  for (const mailbox of mailboxes) {
    progress.mailbox(mailbox.name, mailbox.messages)
    const writer = writerFor(mailbox)
    const pop3IdOf = await pop3Ids(store, mailbox, uidlFormat)
    reports.push(await exportMailbox({ store, mailbox, pop3IdOf }, writer, progress))
    writer.end()
  }
  progress.end()
  return reports
}

/** What POP3 tells of the messages of INBOX. */
async function pop3Ids(
  store: Store,
  { id, name, uidValidity, objectId }: Mailbox,
  uidlFormat: string,
): Promise<(uid: number) => string | undefined> {
  if (name !== 'INBOX') return () => undefined
  const kept = await store.mailboxes.uniqueIds(id)
  const format = compileUidlFormat(uidlFormat)
  return (uid) => kept.get(uid) ?? format(uid, uidValidity, globalIdOf(objectId, uid))
}

interface Exported {
  readonly store: Store
  readonly mailbox: Mailbox
  readonly pop3IdOf: (uid: number) => string | undefined
}

async function exportMailbox(
  { store, mailbox, pop3IdOf }: Exported,
  writer: MailboxWriter,
  progress: Progress,
): Promise<ExportReport> {
  const { uids } = await store.messages.view(mailbox.id)
  const hashes: string[] = []
  let sizeBytes = 0
  for await (const batch of store.messages.fetch(mailbox.id, uids, { facts: true, bytes: 'all' })) {
    for (const [index, bytes] of (batch.bytes ?? []).entries()) {
      const octets = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      writer.write({
        uid: batch.uids[index] as number,
        system: (batch.flags0[index] as number) & allSystemFlags,
        keywords: keywordsOf(mailbox, batch.flags0[index] as number, batch.flags1[index] as number),
        internalDateMs: batch.facts?.internalDatesMs[index] as number,
        pop3Id: pop3IdOf(batch.uids[index] as number),
        octets,
      })
      hashes.push(hashOctets(octets))
      sizeBytes += octets.length
    }
    progress.done(batch.uids.length)
  }
  return { mailbox: mailbox.name, messages: hashes.length, sizeBytes, hashes }
}

const allSystemFlags = Object.values(systemFlag).reduce((sum, flag) => sum | flag, 0)

/** Bits 5 to 31 of the first word, then the second word: the mailbox's keywords in order. */
function keywordsOf({ keywords }: Mailbox, flags0: number, flags1: number): string[] {
  return keywords.filter((name, slot) => {
    const bit = slot < 27 ? (flags0 >>> (slot + 5)) & 1 : (flags1 >>> (slot - 27)) & 1
    return name !== '' && bit === 1
  })
}
