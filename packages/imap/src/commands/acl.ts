/** SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS. RFC 4314 §3. */
import { allRights, ownerRights, type Rights } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import type { SessionIn } from '../session/session.ts'
import type { Parser } from '../wire/parser.ts'
import { aclTarget, identifierOf, rightsChange, rightsText } from './acl-text.ts'
import { command, ok } from './command.ts'
import { findMailbox, permittedMailbox } from './find-mailbox.ts'
import { astringText, mailboxText } from './mailbox-text.ts'

const states = ['authenticated', 'selected'] as const

interface MailboxAndIdentifier {
  readonly name: string
  readonly identifier: string
}

function mailboxAndIdentifier(p: Parser): MailboxAndIdentifier {
  const name = p.sp().mailbox()
  const identifier = p.sp().astring()
  if (identifier === '' || identifier === '-') throw p.fault('an identifier')
  return { name, identifier }
}

/** RFC 4314 §3.1. */
export const setAcl = command({
  name: 'SETACL',
  states,
  numbers: 'none',
  capabilities: ['ACL', 'RIGHTS=texk'],
  args: (p) => ({ ...mailboxAndIdentifier(p), change: rightsChange(p.sp().astring()) }),
  async run(session, { name, identifier, change }) {
    const { mailbox } = await permittedMailbox(session, name, 'a')
    const target = await aclTarget(session, mailbox.account, identifier)
    await session.store.sharing.changeAcl(mailbox.id, { ...target, ...change })
    return ok('Setacl complete')
  },
})

/** RFC 4314 §3.2. */
export const deleteAcl = command({
  name: 'DELETEACL',
  states,
  numbers: 'none',
  args: mailboxAndIdentifier,
  async run(session, { name, identifier }) {
    const { mailbox } = await permittedMailbox(session, name, 'a')
    const target = await aclTarget(session, mailbox.account, identifier)
    await session.store.sharing.removeAclEntry(mailbox.id, target)
    return ok('Deleteacl complete')
  },
})

/** RFC 4314 §3.3. The owner's implicit rights are listed, too. */
export const getAcl = command({
  name: 'GETACL',
  states,
  numbers: 'none',
  args: (p) => p.sp().mailbox(),
  async run(session, name) {
    const { mailbox } = await permittedMailbox(session, name, 'a')
    const { sharing } = session.store
    const entries = await sharing.acl(mailbox.id)
    const isOwners = ({ subject, effect }: (typeof entries)[number]): boolean =>
      subject.kind === 'user' && subject.account === mailbox.account && effect === 'grants'
    const owners = entries.find(isOwners)
    const ownerEntry = {
      subject: { kind: 'user', account: mailbox.account },
      effect: 'grants',
      rights: owners === undefined ? allRights : withOwnerRights(owners.rights),
    } as const
    let line = `ACL ${mailboxText(name, session)}`
    for (const entry of [ownerEntry, ...entries.filter((each) => !isOwners(each))]) {
      const identifier = await identifierOf(session, entry)
      if (identifier !== undefined) line += ` ${astringText(identifier)} ${rightsWord(entry.rights)}`
    }
    session.untagged(line)
    return ok('Getacl complete')
  },
})

function withOwnerRights(rights: Rights): Rights {
  return [...allRights].filter((right) => rights.includes(right) || ownerRights.includes(right)).join('')
}

/** RFC 4314 §3.4: what is always there, then what may be granted, each by itself. */
export const listRights = command({
  name: 'LISTRIGHTS',
  states,
  numbers: 'none',
  args: mailboxAndIdentifier,
  async run(session, { name, identifier }) {
    const { mailbox } = await permittedMailbox(session, name, 'a')
    const { subject, effect } = await aclTarget(session, mailbox.account, identifier)
    const isOwner = effect === 'grants' && subject.kind === 'user' && subject.account === mailbox.account
    const always = isOwner ? ownerRights : ''
    const others = [...allRights, 'c', 'd'].filter((right) => !always.includes(right))
    const words = [mailboxText(name, session), astringText(identifier), rightsWord(always), ...others]
    session.untagged(`LISTRIGHTS ${words.join(' ')}`)
    return ok('Listrights complete')
  },
})

/** RFC 4314 §3.5; needs any of `lrikxa`. */
export const myRights = command({
  name: 'MYRIGHTS',
  states,
  numbers: 'none',
  args: (p) => p.sp().mailbox(),
  async run(session, name) {
    const found = await findMailbox(session, name)
    if (found === undefined || !/[lrikxa]/.test(found.rights))
      throw new Refusal('NONEXISTENT', 'Mailbox does not exist')
    session.untagged(myRightsText(session, name, found.rights))
    return ok('Myrights complete')
  },
})

export function myRightsText(
  session: SessionIn<'authenticated' | 'selected'>,
  name: string,
  rights: Rights,
): string {
  return `MYRIGHTS ${mailboxText(name, session)} ${rightsWord(rights)}`
}

function rightsWord(rights: Rights): string {
  return rights === '' ? '""' : rightsText(rights)
}
