import type { Mailbox } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import type { SessionIn } from '../session/session.ts'

type LoggedIn = SessionIn<'authenticated' | 'selected'>

const missing = 'Mailbox does not exist'

/** An existing mailbox that can be opened. @throws Refusal NONEXISTENT */
export async function openableMailbox(session: LoggedIn, name: string): Promise<Mailbox> {
  return mailboxOr(session, name, 'NONEXISTENT')
}

/** The target of COPY, MOVE, APPEND. @throws Refusal TRYCREATE, RFC 9051 §6.4.7 */
export async function targetMailbox(session: LoggedIn, name: string): Promise<Mailbox> {
  return mailboxOr(session, name, 'TRYCREATE')
}

async function mailboxOr(session: LoggedIn, name: string, code: string): Promise<Mailbox> {
  const mailbox = await session.store.mailboxes.find(session.account.id, name)
  if (mailbox === undefined) throw new Refusal(code, missing)
  if (!mailbox.selectable) throw new Refusal('CANNOT', 'Mailbox has no messages of its own, only children')
  return mailbox
}
