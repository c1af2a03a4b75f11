import { type Accounts, storedScheme } from '@posthorn/accounts'
import type { Account } from '@posthorn/storage'
import type { Command } from 'commander'
import { randomPassword } from '../../start/first-run.ts'
import { CommandError, exit, readLines, type Shell } from '../shell.ts'
import { type OpenSite, withSite } from '../site.ts'
import { accountNamed } from './account-named.ts'
import { formatColumns, parseSize, readableSize } from './columns.ts'
import type { CommandContext } from './context.ts'
import { addUserImport } from './user-import.ts'

interface PasswordOptions {
  readonly password?: string
  readonly passwordStdin?: boolean
  readonly generate?: boolean
}
interface AddOptions extends PasswordOptions {
  readonly quota?: string
  readonly quotaMessages?: string
  readonly home?: string
}

/** `posthorn user …`: accounts and their passwords. */
export function addUserCommands(program: Command, context: CommandContext): void {
  const user = program
    .command('user')
    .description('accounts: add, import, list, passwd, disable, enable, quota, rename, remove')
  const passwordOptions = (command: Command) =>
    command
      .option(
        '--password <text>',
        'the password (visible to other users of this machine while the command runs)',
      )
      .option('--password-stdin', 'read it from the first line of standard input')
      .option('--generate', 'make one and show it once')
  passwordOptions(
    user.command('add <address>').description('make an account; `alice` is alice@auth_default_realm'),
  )
    .option('--quota <size>', 'what it may hold, as 500M or 2G; 0 is the limit of the server', '0')
    .option('--quota-messages <count>', 'how many messages it may hold; 0 is the limit of the server', '0')
    .option('--home <folder>', 'where its .forward is')
    .action((address: string, options: AddOptions) => addUser(context, address, options))
  passwordOptions(
    user.command('passwd <address>').description('set a new password; sessions begun with the old one end'),
  ).action((address: string, options: PasswordOptions) => setPassword(context, address, options))
  user
    .command('list')
    .description('every account with what it holds')
    .option('--json', 'one object a line')
    .action((options: { json?: boolean }) => listUsers(context, options.json ? 'json' : 'columns'))
  addUserImport(user, context)
  const change = (
    name: string,
    description: string,
    apply: (accounts: Accounts, address: string) => Promise<Account>,
  ) =>
    user
      .command(`${name} <address>`)
      .description(description)
      .action((address: string) =>
        withSite(context.shell, context.site(), async ({ accounts }) => {
          context.shell.out(`${(await apply(accounts, address)).address}: ${name}d\n`)
        }),
      )
  change('disable', 'keep the mail, refuse the login, end open sessions', (accounts, address) =>
    accounts.setEnabled(address, 'disabled'),
  )
  change('enable', 'let it log in again', (accounts, address) => accounts.setEnabled(address, 'enabled'))
  user
    .command('quota <address> [size]')
    .description('what it may hold, as 500M or 2G; 0 is the limit of the server')
    .option('--quota-messages <count>', 'how many messages; 0 is the limit of the server')
    .action((address: string, size: string | undefined, options: { quotaMessages?: string }) =>
      setQuota(context, address, size, options.quotaMessages),
    )
  user
    .command('rename <address> <new-address>')
    .description(
      'give the account another address, with its mail and password; an alias may lead from the old one',
    )
    .action((address: string, to: string) =>
      withSite(context.shell, context.site(), async ({ accounts }) => {
        const before = (await accounts.find(address))?.address ?? address
        context.shell.out(`${before}: renamed to ${(await accounts.rename(address, to)).address}\n`)
      }),
    )
  user
    .command('remove <address>')
    .description('remove the account with all its mail')
    .option('-f, --force', 'do not ask')
    .action((address: string, options: { force?: boolean }) =>
      removeUser(context, address, options.force ? 'unasked' : 'asked'),
    )
}

async function addUser({ shell, site }: CommandContext, address: string, options: AddOptions): Promise<void> {
  const quotaBytes = parseSize(options.quota ?? '0')
  const quotaMessages = parseCount(options.quotaMessages ?? '0')
  await withSite(
    shell,
    site(),
    async ({ accounts }) => {
      if ((await accounts.find(address)) !== undefined)
        throw new CommandError(
          `Account exists: ${address} (\`posthorn user passwd ${address}\` changes its password)`,
        )
      const password = await choosePassword(shell, options)
      const { account, domainAdded } = await accounts.create({
        address,
        password: password.text,
        quotaBytes,
        quotaMessages,
        ...(options.home === undefined ? {} : { home: options.home }),
      })
      shell.out(
        `${account.address}: added${domainAdded ? ' (and its domain, which mydestination does not name)' : ''}\n`,
      )
      if (password.generated) shell.out(`password: ${password.text}\n`)
    },
    'made',
  )
}

async function setQuota(
  { shell, site }: CommandContext,
  address: string,
  size: string | undefined,
  count: string | undefined,
): Promise<void> {
  if (size === undefined && count === undefined)
    throw new CommandError('say a size, or --quota-messages', exit.usage)
  await withSite(shell, site(), async ({ accounts }) => {
    const account = await accounts.setQuota(address, {
      ...(size === undefined ? {} : { quotaBytes: parseSize(size) }),
      ...(count === undefined ? {} : { quotaMessages: parseCount(count) }),
    })
    const messages = account.quotaMessages ? `, ${account.quotaMessages} messages` : ''
    shell.out(
      `${account.address}: quota ${account.quotaBytes === 0 ? 'of the server' : readableSize(account.quotaBytes)}${messages}\n`,
    )
  })
}

/** A number of messages. Throws CommandError. */
function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new CommandError(`not a number of messages: ${text}`, exit.usage)
  return Number(text)
}

async function setPassword(
  { shell, site }: CommandContext,
  address: string,
  options: PasswordOptions,
): Promise<void> {
  await withSite(shell, site(), async ({ accounts }) => {
    await accountNamed(accounts, address)
    const password = await choosePassword(shell, options)
    const account = await accounts.setPassword(address, password.text)
    shell.out(`${account.address}: password changed; sessions begun with the old one end\n`)
    if (password.generated) shell.out(`password: ${password.text}\n`)
  })
}

/** Option, standard input, prompt; where none gives one, a new one that is shown once. */
async function choosePassword(
  shell: Shell,
  options: PasswordOptions,
): Promise<{ text: string; generated: boolean }> {
  if (options.password !== undefined) return { text: options.password, generated: false }
  if (options.generate) return { text: randomPassword(), generated: true }
  const typed = options.passwordStdin ? undefined : await shell.ask('Password (empty: make one): ', 'hidden')
  if (typed === undefined) {
    const line = (await readLines(shell)).toString('utf8').split(/\r?\n/, 1)[0] ?? ''
    if (line !== '') return { text: line, generated: false }
    if (options.passwordStdin) throw new CommandError('no password on standard input', exit.dataError)
  } else if (typed !== '') {
    if ((await shell.ask('Again: ', 'hidden')) !== typed)
      throw new CommandError('the passwords differ', exit.dataError)
    return { text: typed, generated: false }
  }
  return { text: randomPassword(), generated: true }
}

async function listUsers({ shell, site }: CommandContext, form: 'columns' | 'json'): Promise<void> {
  await withSite(shell, site(), async ({ accounts, store, config }) => {
    const rows: string[][] = []
    for (const account of [...(await accounts.list())].sort((a, b) => (a.address < b.address ? -1 : 1))) {
      const quota = await store.mailboxes.quota(account.id)
      const limitBytes = account.quotaBytes === 0 ? config.values.mailbox_size_limit : account.quotaBytes
      const { limitMessages } = quota
      if (form === 'json') {
        const { address, enabled, createdMs } = account
        shell.out(
          `${JSON.stringify({ address, enabled, createdMs, limitBytes, usedBytes: quota.usedBytes, messages: quota.usedMessages, limitMessages, password: storedScheme(account.passwordHash), scram: (account.scramVerifier ?? '') !== '' })}\n`,
        )
      }
      rows.push([
        account.address,
        account.enabled ? 'enabled' : 'disabled',
        `${quota.usedMessages}${limitMessages === 0 ? '' : ` of ${limitMessages}`} messages`,
        `${readableSize(quota.usedBytes)}${limitBytes === 0 ? '' : ` of ${readableSize(limitBytes)}`}`,
      ])
    }
    if (form === 'columns') shell.out(formatColumns(rows))
  })
}

async function removeUser(context: CommandContext, address: string, how: 'asked' | 'unasked'): Promise<void> {
  const { shell } = context
  await withSite(shell, context.site(), async (site) => {
    const account = await accountNamed(site.accounts, address)
    if (how === 'asked' && !(await confirmed(shell, site, account))) throw new CommandError('nothing removed')
    await site.accounts.remove(address)
    shell.out(`${account.address}: removed\n`)
  })
}

async function confirmed(shell: Shell, { store }: OpenSite, account: Account): Promise<boolean> {
  const { usedMessages } = await store.mailboxes.quota(account.id)
  const answer = await shell.ask(
    `Remove ${account.address} with ${usedMessages} messages? (yes/no) `,
    'visible',
  )
  if (answer === undefined)
    throw new CommandError('not at a terminal: say --force to remove without asking', exit.usage)
  return answer.trim().toLowerCase() === 'yes'
}
