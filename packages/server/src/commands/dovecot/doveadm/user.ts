import { statSync } from 'node:fs'
import { accountMask } from '@posthorn/accounts/login-rows'
import { exit } from '../../shell.ts'
import { withSite } from '../../site.ts'
import { type Call, forUsers, usageFault } from './call.ts'

/** What is known of a user, or the names that a mask means. Dovecot: doveadm-user(1). */
export async function user(call: Call): Promise<number> {
  const { shell, options } = call
  if (options.rest.length === 0) throw usageFault(call)
  const wanted = options.value('f')
  return withSite(shell, call.site, async ({ accounts, folder }) => {
    const { uid, gid } = statSync(folder.path)
    let code: number = exit.ok
    for (const name of options.rest) {
      if (options.has('u') || /[*?]/.test(name)) {
        const mask = accountMask(name)
        for (const { address } of await accounts.list()) if (mask.test(address)) shell.out(`${address}\n`)
        continue
      }
      const account = await accounts.find(name)
      if (account === undefined) {
        shell.err(`userdb lookup: user ${name} doesn't exist\n`)
        code = exit.noUser
        continue
      }
      const fields: (readonly [string, string])[] = [
        ['uid', String(uid)],
        ['gid', String(gid)],
        ['home', account.home],
        ['mail', `posthorn:${folder.storeFolder}`],
      ]
      if (account.quotaBytes > 0) fields.push(['quota_rule', `*:bytes=${account.quotaBytes}`])
      if (wanted === undefined)
        shell.out(`field\tvalue\n${fields.map((field) => `${field.join('\t')}\n`).join('')}`)
      else {
        const value = fields.find(([field]) => field === wanted)?.[1]
        if (value !== undefined) shell.out(`${value}\n`)
        else code = exit.noUser
      }
    }
    return code
  })
}

const columns = ['Quota name', 'Type', 'Value', 'Limit', '%'].map((title) => ({ title }))

/** Storage in kB. Dovecot: doveadm-quota(1). */
export const quota = (call: Call): Promise<number> =>
  forUsers(call, { columns, format: 'table' }, async ({ store }, { id }, row) => {
    const { usedBytes, limitBytes, usedMessages, limitMessages } = await store.mailboxes.quota(id)
    const line = (type: string, used: number, limit: number) =>
      row(['User quota', type, String(used), limit === 0 ? '-' : String(limit), percent(used, limit)])
    line('STORAGE', Math.ceil(usedBytes / 1024), Math.floor(limitBytes / 1024))
    line('MESSAGE', usedMessages, limitMessages)
  })

const percent = (used: number, limit: number): string =>
  limit === 0 ? '0' : String(Math.min(100, Math.floor((used * 100) / limit)))
