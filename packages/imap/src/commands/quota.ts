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

/** RFC 9208 §4.1.3 SETQUOTA: limits are the administrator's. */
export const setQuota = command({
  name: 'SETQUOTA',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: (p) => {
    p.sp().astring()
    p.sp().list(() => [p.atom(), p.sp().number64()])
  },
  run() {
    throw new Refusal('NOPERM', 'Quota is set by the administrator')
  },
})
