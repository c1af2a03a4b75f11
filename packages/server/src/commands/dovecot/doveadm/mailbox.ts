import { encodeMailboxName } from '@posthorn/imap'
import { type Account, type Mailbox, StoreError } from '@posthorn/storage'
import { CommandError, exit } from '../../shell.ts'
import type { OpenSite } from '../../site.ts'
import { type Call, forUsers, notFound, UserFault, usageFault } from './call.ts'

/** `*` stands for anything, `%` for anything within a level (RFC 9051 §6.3.9), `?` for one character. */
export function mailboxMask(mask: string): (name: string) => boolean {
  const pattern = mask
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replace(/%+/g, '[^/]*')
    .replaceAll('?', '.')
  const isInbox = mask.toUpperCase() === 'INBOX'
  const match = new RegExp(`^${pattern}$`, 's')
  return (name) => match.test(name) || (isInbox && name === 'INBOX')
}

const names = { columns: [{ title: 'mailbox', bare: true }], format: 'flow' } as const

/** Dovecot: doveadm-mailbox(1), as all of this file. */
export const list = (call: Call): Promise<number> =>
  forUsers(call, names, async ({ store }, { id }, row) => {
    const { options } = call
    const masks = options.rest.map(mailboxMask)
    const all = options.has('s')
      ? await store.mailboxes.subscriptions(id)
      : [...(await store.mailboxes.names(id, () => true)).keys()]
    for (const name of all) {
      if (masks.length > 0 && !masks.some((mask) => mask(name))) continue
      row([options.has('7') ? encodeMailboxName(name) : name])
    }
  })

/** What the store refuses, as doveadm says it. */
async function each(
  call: Call,
  verb: string,
  work: (site: OpenSite, account: Account, name: string) => Promise<void>,
): Promise<number> {
  const { rest } = call.options
  if (rest.length === 0) throw usageFault(call)
  return forUsers(call, names, async (site, account) => {
    for (const name of rest)
      await inWords(`Can't ${verb} mailbox ${name}`, name, () => work(site, account, name))
  })
}

async function inWords(what: string, name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    if (error.kind === 'no-such-mailbox')
      throw new UserFault(`${what}: Mailbox doesn't exist: ${name}`, notFound)
    if (error.kind === 'mailbox-exists')
      throw new UserFault(`${what}: Mailbox already exists`, exit.dataError)
    const code = error.kind === 'invalid-name' || error.kind === 'has-children' ? exit.usage : exit.tempFail
    throw new UserFault(`${what}: ${error.message}`, code)
  }
}

export function create(call: Call): Promise<number> {
  if (call.options.has('g')) throw new CommandError('a mailbox gets its GUID from the store', exit.usage)
  return each(call, 'create', async ({ store: { mailboxes } }, { id }, name) => {
    await mailboxes.create(id, name)
    if (call.options.has('s')) await mailboxes.subscribe(id, name, 'subscribed')
  })
}

export const remove = (call: Call): Promise<number> =>
  each(call, 'delete', async ({ store: { mailboxes } }, { id }, name) => {
    const { options } = call
    const all = await mailboxes.list(id, (one) => one === name || one.startsWith(`${name}/`))
    // Children first: a name with children stays.
    const wanted = options.has('r') ? all.toReversed() : all.filter((one) => one.name === name)
    if (wanted.length === 0) throw new StoreError('no-such-mailbox', name)
    for (const mailbox of wanted) await removeOne(mailbox, options.has('e'))
    async function removeOne({ name: one, messages }: Mailbox, ifEmpty: boolean): Promise<void> {
      if (ifEmpty && messages > 0)
        throw new UserFault(`Can't delete mailbox ${one}: Mailbox isn't empty`, exit.tempFail)
      await mailboxes.remove(id, one)
      if (options.has('s')) await mailboxes.subscribe(id, one, 'unsubscribed')
    }
  })

export function rename(call: Call): Promise<number> {
  const [from, to, ...more] = call.options.rest
  if (from === undefined || to === undefined || more.length > 0) throw usageFault(call)
  return forUsers(call, names, async ({ store: { mailboxes } }, { id }) => {
    await inWords(`Can't rename mailbox ${from} to ${to}`, from, async () => {
      await mailboxes.rename(id, from, to)
      if (!call.options.has('s')) return
      await mailboxes.subscribe(id, from, 'unsubscribed')
      await mailboxes.subscribe(id, to, 'subscribed')
    })
  })
}

export const subscribe = (call: Call): Promise<number> =>
  each(call, 'subscribe to', ({ store }, { id }, name) => store.mailboxes.subscribe(id, name, 'subscribed'))

export const unsubscribe = (call: Call): Promise<number> =>
  each(call, 'unsubscribe from', ({ store }, { id }, name) =>
    store.mailboxes.subscribe(id, name, 'unsubscribed'),
  )
