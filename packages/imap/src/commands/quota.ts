import type { AccountId, Quota } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import type { SessionIn } from '../session/session.ts'
import { command, ok } from './command.ts'
import { permittedMailbox } from './find-mailbox.ts'
import { mailboxText, quoted } from './mailbox-text.ts'
import { placeOfName } from './other-users.ts'

type LoggedIn = SessionIn<'authenticated' | 'selected'>

/** One root for all mailboxes of an account. */
const ownRoot = 'User quota'
/** Before the address of somebody else. */
const otherRoot = `${ownRoot} of `

/** Without a limit there is no root: RFC 9208 §7 wants at least one resource in a list. */
const isLimited = ({ limitBytes, limitMessages }: Quota): boolean => limitBytes > 0 || limitMessages > 0

/** RFC 9208 §4.2.1: STORAGE in units of 1,024 octets. */
function quotaLine(root: string, { usedBytes, limitBytes, usedMessages, limitMessages }: Quota): string {
  const resources: string[] = []
  if (limitBytes > 0)
    resources.push(`STORAGE ${Math.ceil(usedBytes / 1024)} ${Math.floor(limitBytes / 1024)}`)
  if (limitMessages > 0) resources.push(`MESSAGE ${usedMessages} ${limitMessages}`)
  return `QUOTA ${quoted(root)} (${resources.join(' ')})`
}

/** RFC 9208 §4.1.1. */
export const getQuota = command({
  name: 'GETQUOTA',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ['QUOTA', 'QUOTA=RES-STORAGE', 'QUOTA=RES-MESSAGE'],
  args: (p) => p.sp().astring(),
  async run(session, root) {
    const quota = await session.store.mailboxes.quota(await accountOfRoot(session, root))
    if (!isLimited(quota)) throw new Refusal('NONEXISTENT', 'No such quota root')
    session.untagged(quotaLine(root, quota))
    return ok('Getquota completed')
  },
})

/** Somebody else's root is known to those who may read one of his mailboxes. RFC 9208 §6. */
async function accountOfRoot(session: LoggedIn, root: string): Promise<AccountId> {
  if (root === ownRoot) return session.account.id
  const owner = root.startsWith(otherRoot) ? root.slice(otherRoot.length) : ''
  if (isAdministrator(session)) {
    const account = await session.store.accounts.find(owner)
    if (account !== undefined) return account.id
  }
  const shared = owner === '' ? [] : await session.store.sharing.sharedWith(session.account.id)
  const found = shared.find((each) => each.owner === owner && each.rights.includes('r'))
  if (found === undefined) throw new Refusal('NONEXISTENT', 'No such quota root')
  return found.mailbox.account
}

/** RFC 9208 §4.1.2; a name that is not there yet has the root it would have. */
export const getQuotaRoot = command({
  name: 'GETQUOTAROOT',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: (p) => p.sp().mailbox(),
  async run(session, name) {
    const place = await placeOfName(session, name)
    const own = place?.owner === session.account.id && (await isNew(session, name))
    const owner = own ? session.account.id : (await permittedMailbox(session, name, 'r')).mailbox.account
    const root = owner === session.account.id ? ownRoot : otherRoot + (await addressOf(session, owner))
    const quota = await session.store.mailboxes.quota(owner)
    const limited = isLimited(quota)
    session.untagged(`QUOTAROOT ${mailboxText(name, session)}${limited ? ` ${quoted(root)}` : ''}`)
    if (limited) session.untagged(quotaLine(root, quota))
    return ok('Getquotaroot completed')
  },
})

async function isNew({ store, account }: LoggedIn, name: string): Promise<boolean> {
  return (await store.mailboxes.find(account.id, name)) === undefined
}

async function addressOf({ store }: LoggedIn, owner: AccountId): Promise<string> {
  return (await store.accounts.get(owner))?.address ?? ''
}

function isAdministrator(session: LoggedIn): boolean {
  return session.services.options().administrators.has(session.account.address)
}

interface Limit {
  readonly resource: string
  readonly limit: number
}

/** RFC 9208 §4.1.3: by administrators alone; what is not named is limited no more but by the server's defaults. */
export const setQuota = command({
  name: 'SETQUOTA',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ({ isAdministrator }) => (isAdministrator ? ['QUOTASET'] : []),
  args: (p) => ({
    root: p.sp().astring(),
    limits: p.sp().list((): Limit => ({ resource: p.keyword(), limit: p.sp().number64() })),
  }),
  async run(session, { root, limits }) {
    if (!isAdministrator(session)) throw new Refusal('NOPERM', 'Quota is set by the administrator')
    const { accounts, mailboxes } = session.store
    const account = await accountOfRoot(session, root)
    await accounts.update(account, limitsOf(limits))
    const quota = await mailboxes.quota(account)
    if (isLimited(quota)) session.untagged(quotaLine(root, quota))
    return ok('Setquota completed')
  },
})

function limitsOf(limits: readonly Limit[]): { readonly quotaBytes: number; readonly quotaMessages: number } {
  let quotaBytes = 0
  let quotaMessages = 0
  for (const { resource, limit } of limits) {
    // 0 stands for the server's default: disable the account instead.
    if (limit === 0) throw new Refusal('CANNOT', 'A limit of 0 is not supported')
    if (resource === 'STORAGE') quotaBytes = Math.min(limit * 1024, Number.MAX_SAFE_INTEGER)
    else if (resource === 'MESSAGE') quotaMessages = limit
    else throw new Refusal('CANNOT', 'Resource is not supported')
  }
  return { quotaBytes, quotaMessages }
}
