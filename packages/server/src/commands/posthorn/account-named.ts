import type { Accounts } from '@posthorn/accounts'
import type { Account } from '@posthorn/storage'
import { CommandError, exit } from '../shell.ts'

/** The account that a command names. Throws CommandError with EX_NOUSER (sysexits.h). */
export async function accountNamed(
  accounts: Pick<Accounts, 'find'>,
  address: string,
  advice = '',
): Promise<Account> {
  const account = await accounts.find(address)
  if (account !== undefined) return account
  throw new CommandError(`No such account: ${address}${advice === '' ? '' : ` (${advice})`}`, exit.noUser)
}
