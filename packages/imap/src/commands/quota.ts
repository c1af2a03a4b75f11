import type { Quota } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import { command, ok } from './command.ts'
import { mailboxText, quoted } from './mailbox-text.ts'

/** One root for all mailboxes of an account. */
const root = 'User quota'

/** RFC 9208 §4.2.1: STORAGE in units of 1,024 octets. */
function quotaLine({ usedBytes, limitBytes }: Quota): string {
  const storage =
    limitBytes === 0 ? '' : `STORAGE ${Math.ceil(usedBytes / 1024)} ${Math.floor(limitBytes / 1024)}`
  return `QUOTA ${quoted(root)} (${storage})`
}

/** RFC 9208 §4.1.1. */
export const getQuota = command({
  name: 'GETQUOTA',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ['QUOTA', 'QUOTA=RES-STORAGE'],
  args: (p) => p.sp().astring(),
  async run(session, name) {
    if (name !== root) throw new Refusal('NONEXISTENT', 'No such quota root')
    session.untagged(quotaLine(await session.store.mailboxes.quota(session.account.id)))
    return ok('Getquota completed')
  },
})

/** RFC 9208 §4.1.2. */
export const getQuotaRoot = command({
  name: 'GETQUOTAROOT',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: (p) => p.sp().mailbox(),
  async run(session, name) {
    const mailbox = await session.store.mailboxes.find(session.account.id, name)
    if (mailbox === undefined) throw new Refusal('NONEXISTENT', 'Mailbox does not exist')
    session.untagged(`QUOTAROOT ${mailboxText(name, session)} ${quoted(root)}`)
    session.untagged(quotaLine(await session.store.mailboxes.quota(session.account.id)))
    return ok('Getquotaroot completed')
  },
})

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
