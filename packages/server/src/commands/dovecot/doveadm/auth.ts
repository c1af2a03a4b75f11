import { CommandError, exit } from '../../shell.ts'
import { withSite } from '../../site.ts'
import { type Call, usageFault } from './call.ts'

/** Asks all sources, as a login does; nobody is slowed down by it. Dovecot: doveadm-auth(1). */
export async function authTest(call: Call): Promise<number> {
  const { shell, options } = call
  const [user, given, ...more] = options.rest
  if (user === undefined || more.length > 0) throw usageFault(call)
  if (options.has('M')) throw new CommandError('there are no master users', exit.usage)
  const password = given ?? (await shell.ask('Password: ', 'hidden'))
  if (password === undefined) throw new CommandError('no password, and no terminal to ask at')
  return withSite(shell, call.site, async ({ accounts }) => {
    const result = await accounts.authenticate(
      { mechanism: 'PLAIN', authcid: user, password },
      { clientAddress: '127.0.0.1', service: 'doveadm', trusted: true },
    )
    const address = (result.ok ? result.account.address : (await accounts.find(user))?.address) ?? user
    shell.out(
      `passdb: ${user} auth ${result.ok ? 'succeeded' : 'failed'}\nextra fields:\n  user=${address}\n`,
    )
    if (result.ok) return exit.ok
    return result.reason === 'unavailable' || result.reason === 'throttled'
      ? exit.tempFail
      : exit.noPermission
  })
}
