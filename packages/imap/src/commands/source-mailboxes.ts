import type { MailboxId } from '@posthorn/storage'
import type { SessionIn } from '../session/session.ts'
import { isWithin, type MailboxSource } from '../wire/mailbox-sources.ts'
import { findMailbox } from './find-mailbox.ts'
import { type ListName, listNames } from './list-names.ts'

type LoggedIn = SessionIn<'authenticated' | 'selected'>

/** A mailbox to be searched, as the client calls it. */
export interface SourceMailbox {
  readonly id: MailboxId
  readonly name: string
  readonly uidValidity: number
}

/**
 * Each once, by name. What may not be read is left out, and what was not named needs to be visible, too
 * (RFC 7377 §2.2: rights "r" and "l").
 */
export async function sourceMailboxes(
  session: LoggedIn,
  sources: readonly MailboxSource[],
): Promise<readonly SourceMailbox[]> {
  const names = await listNames(session)
  const found = new Map<MailboxId, SourceMailbox>()
  const add = (name: string, mailbox: ListName['mailbox']): void => {
    if (mailbox?.selectable && !found.has(mailbox.id))
      found.set(mailbox.id, { id: mailbox.id, name, uidValidity: mailbox.uidValidity })
  }
  const wanted = [...names.values()].filter((entry) => sources.some((source) => holds(source, entry)))
  for (const entry of wanted) if (entry.rights?.includes('r') ?? true) add(entry.name, entry.mailbox)
  for (const source of sources) {
    if (source.kind === 'selected') await addSelected(session, names, add)
    if (source.kind !== 'mailboxes') continue
    for (const name of source.names) {
      const named = await findMailbox(session, name)
      if (named?.rights.includes('r')) add(name, named.mailbox)
    }
  }
  return [...found.values()]
}

/** What is selected was readable when it was. */
async function addSelected(
  session: LoggedIn,
  names: ReadonlyMap<string, ListName>,
  add: (name: string, mailbox: ListName['mailbox']) => void,
): Promise<void> {
  if (session.state !== 'selected') return
  const { id, name } = session.mailbox
  const mailbox = await session.store.mailboxes.get(id)
  if (mailbox === undefined) return
  for (const entry of names.values()) {
    if (entry.mailbox?.id === id) {
      add(entry.name, mailbox)
      return
    }
  }
  // Somebody else's that may be read and not be listed: what its owner calls it may be a mailbox of the user's own.
  add(mailbox.account === session.account.id ? mailbox.name : name, mailbox)
}

function holds(source: MailboxSource, { name, rights, subscribed }: ListName): boolean {
  switch (source.kind) {
    case 'inboxes':
      return name === 'INBOX'
    case 'personal':
      return rights === undefined
    case 'subscribed':
      return subscribed
    case 'subtree':
    case 'subtree-one':
      return isWithin(source.kind, source.names, name)
    default:
      return false
  }
}
