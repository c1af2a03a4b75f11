import { type Mailbox, systemFlag } from '@posthorn/storage'
import type { SessionIn } from '../session/session.ts'
import { lowerBound } from '../wire/number-set.ts'
import type { Parser } from '../wire/parser.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { mailboxText } from './mailbox-text.ts'

type LoggedIn = SessionIn<'authenticated' | 'selected'>
type StatusValue = (mailbox: Mailbox, session: LoggedIn) => number | string | Promise<number>

/** RFC 9051 §6.3.11, SIZE RFC 8438, DELETED RFC 9208 §4.1.4, HIGHESTMODSEQ RFC 7162 §3.1.7, APPENDLIMIT RFC 7889 §3.2,
 * MAILBOXID RFC 8474 §4.3. */
const values: Readonly<Record<string, StatusValue>> = {
  MESSAGES: ({ messages }) => messages,
  RECENT: recent,
  UIDNEXT: ({ uidNext }) => uidNext,
  UIDVALIDITY: ({ uidValidity }) => uidValidity,
  UNSEEN: ({ unseen }) => unseen,
  DELETED: ({ deleted }) => deleted,
  'DELETED-STORAGE': deletedBytes,
  SIZE: ({ sizeBytes }) => sizeBytes,
  HIGHESTMODSEQ: ({ highestModSeq }) => highestModSeq,
  MAILBOXID: ({ objectId }) => `(${objectId})`,
  APPENDLIMIT: (_, { services }) => services.options().appendLimitBytes || 'NIL',
}

/** RFC 3501 §6.3.10: what nobody has seen yet, and what this very session was the first to be told of. */
async function recent(mailbox: Mailbox, session: LoggedIn): Promise<number> {
  const isSelected = session.state === 'selected' && session.mailbox.id === mailbox.id
  const own = isSelected && session.mailbox.access === 'read-write' ? session.mailbox.recentCount : 0
  return own + (await unclaimed(mailbox, session))
}

/** Counted only when there are any. */
async function unclaimed(mailbox: Mailbox, session: LoggedIn): Promise<number> {
  if (mailbox.firstRecent >= mailbox.uidNext || mailbox.messages === 0) return 0
  const { uids } = await session.store.messages.view(mailbox.id)
  return uids.length - lowerBound(uids, mailbox.firstRecent)
}

/** Octets that EXPUNGE would free. RFC 9208 §4.1.4. */
async function deletedBytes({ id, deleted }: Mailbox, { store }: LoggedIn): Promise<number> {
  if (deleted === 0) return 0
  const { uids } = await store.messages.search(id, { kind: 'flag', mask: systemFlag.deleted })
  let sumBytes = 0
  for await (const { facts } of store.messages.fetch(id, uids, { facts: true })) {
    for (const sizeBytes of facts?.sizeBytes ?? []) sumBytes += sizeBytes
  }
  return sumBytes
}

/** `(MESSAGES UNSEEN)`, the space before it included. */
export function statusItems(p: Parser): readonly string[] {
  const items = p.sp().nonEmptyList(() => p.keyword())
  for (const item of items) {
    if (!Object.hasOwn(values, item)) throw new SyntaxFault('Unknown status item')
  }
  return [...new Set(items)]
}

/** `STATUS INBOX (MESSAGES 231)`. */
export async function statusText(
  session: LoggedIn,
  name: string,
  mailbox: Mailbox,
  items: readonly string[],
): Promise<string> {
  if (items.includes('HIGHESTMODSEQ')) session.enable('CONDSTORE')
  const parts: string[] = []
  for (const item of items) parts.push(`${item} ${await values[item]!(mailbox, session)}`)
  return `STATUS ${mailboxText(name, session)} (${parts.join(' ')})`
}
