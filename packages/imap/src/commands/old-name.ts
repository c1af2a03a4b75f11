/** LIST responses that nobody asked for, in IMAP4rev2. RFC 9051 §6.3.2, §6.3.9.7. */
import type { SessionIn } from '../session/session.ts'
import type { Parser } from '../wire/parser.ts'
import { attributesOf, listNames } from './list-names.ts'
import { mailboxText } from './mailbox-text.ts'

type LoggedIn = SessionIn<'authenticated' | 'selected'>

/** A mailbox's name, and how the client spelt it. */
export interface GivenName {
  readonly name: string
  readonly asGiven: string
}

export function givenName(p: Parser): GivenName {
  const name = p.mailbox()
  return { name, asGiven: p.mailboxAsGiven }
}

/** `* LIST (\\HasNoChildren) "/" Normalized ("OLDNAME" ("NonNormalized"))` with its CRLF. */
export async function listResponse(session: LoggedIn, name: string, oldName: string): Promise<string> {
  const entry = (await listNames(session, (each) => each === name)).get(name)
  const attributes = entry === undefined ? ['\\NonExistent'] : attributesOf(entry)
  const old = oldName === name ? '' : ` ("OLDNAME" (${mailboxText(oldName, session)}))`
  return `* LIST (${attributes.join(' ')}) "/" ${mailboxText(name, session)}${old}\r\n`
}

/** Tells what has become of a name that was not spelt as we keep it. */
export async function tellNormalized(session: LoggedIn, { name, asGiven }: GivenName): Promise<void> {
  if (!session.enabled('IMAP4rev2') || asGiven === name) return
  await session.write(await listResponse(session, name, asGiven))
}
