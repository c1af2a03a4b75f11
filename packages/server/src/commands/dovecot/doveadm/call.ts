import type { Account } from '@posthorn/storage'
import type { Options } from '../../getopt.ts'
import { CommandError, exit, type Shell } from '../../shell.ts'
import { type OpenSite, type SiteOptions, withSite } from '../../site.ts'
import { type Column, type Format, Printer } from './print.ts'

/** One subcommand as it was called. */
export interface Call {
  readonly shell: Shell
  readonly site: SiteOptions
  /** Of -f; undefined: as the subcommand is used to. */
  readonly format: Format | undefined
  readonly options: Options
  /** How it is used, without `doveadm`. */
  readonly usage: string
}

/** What went wrong for one user, in doveadm's words; others go on. */
export class UserFault extends Error {
  readonly exitCode: number
  constructor(message: string, exitCode: number) {
    super(message)
    this.name = 'UserFault'
    this.exitCode = exitCode
  }
}

/** sysexits.h: what is asked for is not there. */
export const notFound = 68
/** Dovecot ends so when it cannot read its arguments. */
export const wrongArguments = exit.tempFail

export const usageFault = ({ usage }: Call): CommandError => new CommandError(`doveadm ${usage}`, exit.usage)

/** Those whom -u, -A and -F mean; without them $USER. */
async function usersOf(
  { options, shell }: Call,
  { accounts }: OpenSite,
): Promise<readonly (Account | string)[]> {
  if (options.has('A')) return accounts.list()
  const file = options.value('F')
  if (file !== undefined) {
    const { readFileSync } = await import('node:fs')
    const names = readFileSync(file, 'utf8')
      .split('\n')
      .filter((name) => name !== '')
    return Promise.all(names.map(async (name) => (await accounts.find(name)) ?? name))
  }
  const name = options.value('u') ?? shell.environment['USER'] ?? ''
  if (name === '') throw new CommandError('USER environment is missing and -u option not used', exit.usage)
  if (!/[*?]/.test(name)) return [(await accounts.find(name)) ?? name]
  const { accountMask } = await import('@posthorn/accounts/login-rows')
  const mask = accountMask(name)
  return (await accounts.list()).filter(({ address }) => mask.test(address))
}

/** The columns of one subcommand, and whether more than one user may come. */
export interface Listing {
  readonly columns: readonly Column[]
  readonly format: Format
}

export type UserWork = (
  site: OpenSite,
  account: Account,
  row: (values: readonly string[]) => void,
) => Promise<void>

/** Does it for each user. Resolves with the exit code of the last fault. */
export async function forUsers(call: Call, listing: Listing, work: UserWork): Promise<number> {
  const { shell, options } = call
  const isMany = options.has('A') || options.has('F') || /[*?]/.test(options.value('u') ?? '')
  return withSite(shell, call.site, async (site) => {
    const users = await usersOf(call, site)
    const columns: readonly Column[] = isMany
      ? [{ title: 'username', bare: true }, ...listing.columns]
      : listing.columns
    const printer = new Printer(shell, call.format ?? listing.format, columns)
    let code: number = exit.ok
    for (const user of users) {
      const name = typeof user === 'string' ? user : user.address
      try {
        if (typeof user === 'string') throw new UserFault("User doesn't exist", exit.noUser)
        await work(site, user, (values) => printer.row(isMany ? [name, ...values] : values))
      } catch (error) {
        if (!(error instanceof UserFault)) throw error
        shell.err(`doveadm(${name}): Error: ${error.message}\n`)
        code = error.exitCode
      }
    }
    printer.end()
    return code
  })
}
