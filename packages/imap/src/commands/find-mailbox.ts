import type { Mailbox, Rights } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import type { SessionIn } from '../session/session.ts'
import { placeOfName } from './other-users.ts'

type LoggedIn = SessionIn<'authenticated' | 'selected'>

const missing = 'Mailbox does not exist'
/** RFC 4314 §4. */
export type Right = 'l' | 'r' | 's' | 'w' | 'i' | 'k' | 'x' | 't' | 'e' | 'a'

export interface FoundMailbox {
  readonly mailbox: Mailbox
  /** As the client calls it. */
  readonly name: string
  /** The client's; never empty. */
  readonly rights: Rights
}

/** undefined: there is none, or none that this user may know of. */
export async function findMailbox(session: LoggedIn, name: string): Promise<FoundMailbox | undefined> {
  const { mailboxes } = session.store
  const place = await placeOfName(session, name)
  // One's own comes first: a mailbox may have had such a name before there was this namespace.
  const mailbox =
    (await mailboxes.find(session.account.id, name)) ??
    (place && place.owner !== session.account.id ? await mailboxes.find(place.owner, place.name) : undefined)
  if (mailbox === undefined) return undefined
  const rights = await session.store.sharing.rights(mailbox.id, session.account.id)
  return rights === '' ? undefined : { mailbox, name, rights }
}

/**
 * A mailbox on which the client has the right. Who may not even look it up is told what he would be told if it
 * were not there (RFC 4314 §6).
 * @param code when it is not there
 * @throws Refusal NOPERM, or `code`
 */
export async function permittedMailbox(
  session: LoggedIn,
  name: string,
  right: Right,
  code: 'NONEXISTENT' | 'TRYCREATE' = 'NONEXISTENT',
): Promise<FoundMailbox> {
  const found = await findMailbox(session, name)
  if (found?.rights.includes(right)) return found
  if (found?.rights.includes('l')) throw noPermission()
  throw new Refusal(code, missing)
}

export function noPermission(): Refusal {
  return new Refusal('NOPERM', 'Permission denied')
}

/** An existing mailbox that can be opened. @throws Refusal NONEXISTENT, NOPERM */
export async function openableMailbox(session: LoggedIn, name: string): Promise<FoundMailbox> {
  return selectable(await permittedMailbox(session, name, 'r'))
}

/** The target of COPY, MOVE, APPEND. @throws Refusal TRYCREATE (RFC 9051 §6.4.7), NOPERM */
export async function targetMailbox(session: LoggedIn, name: string): Promise<FoundMailbox> {
  return selectable(await permittedMailbox(session, name, 'i', 'TRYCREATE'))
}

function selectable(found: FoundMailbox): FoundMailbox {
  if (found.mailbox.selectable) return found
  throw new Refusal('CANNOT', 'Mailbox has no messages of its own, only children')
}
