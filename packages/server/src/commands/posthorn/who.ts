import type { LoginRow } from '@posthorn/accounts/login-rows'
import type { Command } from 'commander'
import { choiceOfWords, endLogins, openLogins } from '../logins.ts'
import { CommandError, exit } from '../shell.ts'
import { formatColumns } from './columns.ts'
import type { CommandContext } from './context.ts'

/** `posthorn who`, `posthorn kick`: sessions in which somebody has logged in. */
export function addLoginCommands(program: Command, { shell, site }: CommandContext): void {
  program
    .command('who [words...]')
    .description(
      'who is logged in: an account (`*` and `?` stand for anything), an address, a network; without, all',
    )
    .option('--json', 'one object a line')
    .action(async (words: readonly string[], options: { json?: boolean }) => {
      const rows = await openLogins(shell, site(), choiceOfWords(words))
      if (options.json) for (const row of rows) shell.out(`${JSON.stringify(row)}\n`)
      else shell.out(formatLogins(rows))
    })
  program
    .command('kick <words...>')
    .description(
      'end the sessions of an account, an address, or an account at an address; mail and password stay',
    )
    .action(async (words: readonly string[]) => {
      const count = await endLogins(shell, site(), choiceOfWords(words))
      if (count === 0) throw new CommandError(`no session of ${words.join(' at ')}`, exit.noUser)
      shell.out(`${count} session${count === 1 ? '' : 's'} ended\n`)
    })
}

const shownAddresses = 4

export function formatLogins(rows: readonly LoginRow[]): string {
  if (rows.length === 0) return 'nobody is logged in\n'
  const titles = ['account', 'sessions', 'protocol', 'addresses', 'since']
  return formatColumns([
    titles,
    ...rows.map(({ user, count, protocol, addresses, sinceMs }) => [
      user,
      String(count),
      protocol,
      addresses.length <= shownAddresses
        ? addresses.join(' ')
        : `${addresses.slice(0, shownAddresses).join(' ')} and ${addresses.length - shownAddresses} more`,
      `${new Date(sinceMs).toISOString().slice(0, 19)}Z`,
    ]),
  ])
}
