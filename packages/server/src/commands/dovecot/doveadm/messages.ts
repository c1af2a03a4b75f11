import { type Account, type FlagChange, type Flags, type Store, systemFlag } from '@posthorn/storage'
import { CommandError } from '../../shell.ts'
import { type Call, forUsers, notFound, UserFault, usageFault, wrongArguments } from './call.ts'
import { findMessages, orUserFault } from './found.ts'
import { queryOf, refuseAccidents } from './query.ts'

const silent = { columns: [], format: 'flow' } as const

/** The mailbox's GUID and the UID of each message. Dovecot: doveadm-search(1). */
export async function search(call: Call): Promise<number> {
  const { rest } = call.options
  if (rest.length === 0) throw usageFault(call)
  const query = queryOf(rest, call.shell.now())
  const columns = [
    { title: 'mailbox-guid', bare: true },
    { title: 'uid', bare: true },
  ] as const
  return forUsers(call, { columns, format: 'flow' }, async ({ store }, account, row) => {
    for await (const { mailbox, uids } of findMessages(store, account, query))
      for (const uid of uids) row([mailbox.objectId, String(uid)])
  })
}

/** Whatever their flags are. Dovecot: doveadm-expunge(1). */
export async function expunge(call: Call): Promise<number> {
  const { rest } = call.options
  if (rest.length === 0) throw usageFault(call)
  const query = queryOf(rest, call.shell.now())
  refuseAccidents(query)
  return forUsers(call, silent, async ({ store }, account) => {
    for await (const { mailbox, uids } of findMessages(store, account, query))
      await orUserFault(`Mailbox ${mailbox.name}`, () => store.messages.discard(mailbox.id, uids))
  })
}

/** Dovecot: doveadm-flags(1). */
export const changeFlags =
  (op: FlagChange['op']) =>
  async (call: Call): Promise<number> => {
    const [names, ...words] = call.options.rest
    if (names === undefined || words.length === 0) throw usageFault(call)
    const flags = flagsOf(names)
    const query = queryOf(words, call.shell.now())
    return forUsers(call, silent, async ({ store }, account) => {
      for await (const { mailbox, uids } of findMessages(store, account, query))
        await orUserFault(`Mailbox ${mailbox.name}`, () =>
          store.messages.changeFlags(mailbox.id, uids, { op, flags }),
        )
    })
  }

/** `\Seen \Flagged $Forwarded`. @throws CommandError */
function flagsOf(text: string): Flags {
  let system = 0
  const keywords: string[] = []
  for (const name of text.split(' ').filter((one) => one !== '')) {
    const known = systemFlag[name.slice(1).toLowerCase() as keyof typeof systemFlag]
    if (!name.startsWith('\\')) keywords.push(name)
    else if (known === undefined) throw new CommandError(`Invalid system flag: ${name}`, wrongArguments)
    else system |= known
  }
  return { system, keywords }
}

/** Dovecot: doveadm-move(1), doveadm-copy(1). */
export const transfer =
  (how: 'copy' | 'move') =>
  async (call: Call): Promise<number> => {
    const [to, ...rest] = call.options.rest
    const source = rest[0]?.toLowerCase() === 'user' ? rest[1] : undefined
    const words = source === undefined ? rest : rest.slice(2)
    if (to === undefined || words.length === 0) throw usageFault(call)
    const query = queryOf(words, call.shell.now())
    return forUsers(call, silent, async ({ store, accounts }, account) => {
      const owner = source === undefined ? account : await accounts.find(source)
      if (owner === undefined) throw new UserFault(`User ${source} doesn't exist`, notFound)
      const target = await targetOf(store, account, to)
      for await (const { mailbox, uids } of findMessages(store, owner, query)) {
        if (how === 'move' && mailbox.id === target) continue
        await orUserFault(`Mailbox ${mailbox.name}`, () => store.messages[how](mailbox.id, uids, target))
      }
    })
  }

async function targetOf({ mailboxes }: Store, { id }: Account, name: string) {
  const found = await mailboxes.find(id, name.toUpperCase() === 'INBOX' ? 'INBOX' : name)
  if (found?.selectable) return found.id
  throw new UserFault(`Can't open mailbox '${name}': Mailbox doesn't exist: ${name}`, notFound)
}
