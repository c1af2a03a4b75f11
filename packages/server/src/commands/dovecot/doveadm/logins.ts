import type { LoginRow } from '@posthorn/accounts/login-rows'
import { choiceOfWords, endLogins, openLogins } from '../../logins.ts'
import { CommandError, exit } from '../../shell.ts'
import { type Call, notFound } from './call.ts'
import { Printer } from './print.ts'

/** Dovecot: doveadm-who(1). */
export async function who({ shell, site, format, options }: Call): Promise<number> {
  const rows = await openLogins(shell, site, choiceOfWords(options.rest))
  const isLong = options.has('1')
  const titles = isLong ? ['username', 'proto', 'pid', 'ip'] : ['username', '#', 'proto', '(pids)', '(ips)']
  const printer = new Printer(
    shell,
    format ?? 'table',
    titles.map((title) => ({ title })),
  )
  for (const row of rows) for (const values of isLong ? linesOf(row) : [lineOf(row)]) printer.row(values)
  printer.end()
  return exit.ok
}

const lineOf = ({ user, count, protocol, pids, addresses }: LoginRow): readonly string[] => [
  user,
  String(count),
  protocol,
  `(${pids.join(' ')})`,
  `(${addresses.join(' ')})`,
]

/** A process serves many: one line for each address. */
const linesOf = ({ user, protocol, pids, addresses }: LoginRow): readonly (readonly string[])[] =>
  addresses.map((address) => [user, protocol, pids.join(','), address])

/** Dovecot: doveadm-kick(1). */
export async function kick({ shell, site, options }: Call): Promise<number> {
  if (options.rest.length === 0)
    throw new CommandError('user and/or ip[/bits] must be specified.', exit.usage)
  const choice = choiceOfWords(options.rest)
  const users = [...new Set((await openLogins(shell, site, choice)).map(({ user }) => user))]
  if ((await endLogins(shell, site, choice)) === 0) {
    shell.err('no users kicked\n')
    return notFound
  }
  shell.out(`kicked connections from the following users:\n${users.join(' ')}\n`)
  return exit.ok
}
