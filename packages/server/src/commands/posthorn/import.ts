import { ftruncateSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parsePasswdLine } from '@posthorn/accounts'
import type { Account } from '@posthorn/storage'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Config } from '../../config/config.ts'
import { homePattern } from '../../config/home-pattern.ts'
import { createImapSource, type ImapSourceOptions } from '../../import/imap-source.ts'
import { createLocationSource, type LocationUser, parseMailLocation } from '../../import/location.ts'
import { createMaildirSource } from '../../import/maildir/maildir-source.ts'
import { createMboxSource } from '../../import/mbox/mbox-source.ts'
import { createProgress } from '../../import/progress.ts'
import { formatReceipt, isSame } from '../../import/receipt.ts'
import { forecastImport, type ImportOptions, runImport } from '../../import/run-import.ts'
import { type MailSource, SourceError } from '../../import/source.ts'
import { errorCode } from '../../start-error.ts'
import { CommandError, exit, readLines, type Shell } from '../shell.ts'
import { withSite } from '../site.ts'
import { accountNamed } from './account-named.ts'
import { formatColumns, readableSize } from './columns.ts'
import type { CommandContext } from './context.ts'
import { orCommandError } from './target-folder.ts'

interface CommonOptions {
  readonly map: ReadonlyMap<string, string>
  readonly only: ReadonlySet<string>
  readonly dryRun?: boolean
  readonly delete?: boolean
  readonly receipt?: string
}

interface ImapOptions extends CommonOptions {
  readonly port?: number
  readonly security: ImapSourceOptions['security']
  readonly insecure?: boolean
  readonly user: string
  readonly passwordFile?: string
  readonly passwordStdin?: boolean
}

/** `posthorn import …`: mail from a Maildir, an mbox, another server; again and again until nothing is new. */
export function addImportCommands(program: Command, context: CommandContext): void {
  const command = program
    .command('import')
    .description('bring mail from a Maildir, mbox files, a mail_location of Dovecot or another IMAP server')
  common(
    command
      .command('maildir <address> <folder>')
      .description('Maildir++ or nested, of Dovecot or Courier: with flags, keywords, subscriptions, UIDs'),
  ).action((address: string, folder: string, options: CommonOptions) =>
    bring(context, address, options, async () => createMaildirSource(folder)),
  )
  common(
    command
      .command('mbox <address> <path>')
      .description('one file, or a folder of files (mutt, Thunderbird, Dovecot)')
      .option('--mailbox <name>', 'where the messages of one file go; default: its name'),
  ).action((address: string, path: string, options: CommonOptions & { mailbox?: string }) =>
    bring(context, address, options, async () => createMboxSource(path, options.mailbox)),
  )
  common(
    command
      .command('location <address> [location]')
      .description(
        "what Dovecot's mail_location names, as `maildir:~/.Mail` or `mbox:~/mail:INBOX=/var/mail/%u`; default: main.cf's",
      )
      .option('--user <name>', 'what %u is; default: the local part at auth_default_realm, else the address')
      .option(
        '--home <folder>',
        "what ~ is; default: the account's home, that of the system's user, home_directory",
      ),
  ).action(
    (
      address: string,
      location: string | undefined,
      options: CommonOptions & { user?: string; home?: string },
    ) =>
      bring(context, address, options, async (account, config) =>
        createLocationSource(
          parseMailLocation(locationOf(location, config), locationUser(account, config, options)),
        ),
      ),
  )
  common(
    command
      .command('imap <address> <host>')
      .description('a living server; nothing is changed there')
      .requiredOption('--user <name>', 'login there')
      .option('--password-file <file>', 'its first line is the password there')
      .option('--password-stdin', 'read it from the first line of standard input')
      .option('--port <number>', 'default: 993, or 143 without TLS from the first octet on', portNumber)
      .addOption(
        new Option('--security <kind>', 'how it is encrypted')
          .choices(['tls', 'starttls', 'plain'])
          .default('tls'),
      )
      .option('--insecure', 'take any certificate'),
  ).action(async (address: string, host: string, options: ImapOptions) => {
    const source = await asCommandErrors(() => imapOptions(context.shell, host, options))
    await bring(context, address, options, () => createImapSource(source))
  })
}

const common = (command: Command): Command =>
  command
    .option('--map <there=here>', 'a mailbox goes under another name (again for more)', addPair, new Map())
    .option('--only <mailbox>', 'only this one (again for more)', addName, new Set())
    .option('--delete', 'remove here what was removed there since the last pass')
    .option('--dry-run', 'only tell what would be done')
    .option('--receipt <file>', 'write the receipt there, as JSON')

function addPair(text: string, before: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const at = text.indexOf('=')
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('Give it as THERE=HERE.')
  return new Map([...before, [text.slice(0, at), text.slice(at + 1)]])
}

const addName = (name: string, before: ReadonlySet<string>): ReadonlySet<string> => new Set([...before, name])

function portNumber(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('A port is a number from 1 to 65535.')
  return port
}

function locationOf(given: string | undefined, { values }: Config): string {
  const location = given ?? values.mail_location
  if (location === '')
    throw new CommandError('no location: name one, or set mail_location in main.cf', exit.usage)
  return location
}

/** Sites with system users know `alice`; sites with domains of their own, the whole address. */
function locationUser(
  { address, home }: Account,
  { values }: Config,
  given: { readonly user?: string; readonly home?: string },
): LocationUser {
  const [local = '', domain = ''] = address.split('@')
  const isHere = domain === values.auth_default_realm.toLowerCase()
  return {
    name: given.user ?? (isHere ? local : address),
    domain,
    home: given.home ?? (home || systemHome(local) || configuredHome(values.home_directory, local, domain)),
  }
}

const configuredHome = (given: string, user: string, domain: string): string => {
  const pattern = homePattern(given)
  return pattern.includes('%')
    ? pattern.replaceAll('%u', user).replaceAll('%d', domain)
    : `${pattern}/${user}`
}

function systemHome(user: string): string {
  try {
    const rows = readFileSync('/etc/passwd', 'utf8').split('\n')
    return rows.map(parsePasswdLine).find((line) => line?.user === user)?.home ?? ''
  } catch {
    return ''
  }
}

/** Read before root becomes the owner of the data folder: the file with the password is root's. */
async function imapOptions(shell: Shell, host: string, options: ImapOptions): Promise<ImapSourceOptions> {
  return {
    host,
    port: options.port ?? (options.security === 'tls' ? 993 : 143),
    security: options.security,
    certificate: options.insecure ? 'any' : 'verified',
    user: options.user,
    password: await sourcePassword(shell, options),
  }
}

async function sourcePassword(shell: Shell, options: ImapOptions): Promise<string> {
  const text =
    options.passwordFile !== undefined
      ? readFileSync(options.passwordFile, 'utf8')
      : options.passwordStdin
        ? (await readLines(shell)).toString('utf8')
        : await shell.ask(`Password of ${options.user} there: `, 'hidden')
  if (text === undefined)
    throw new CommandError(
      'no terminal to ask for the password: --password-file or --password-stdin',
      exit.usage,
    )
  return text.split(/\r?\n/)[0] as string
}

async function bring(
  { shell, site, finish }: CommandContext,
  address: string,
  options: CommonOptions,
  openSource: (account: Account, config: Config) => Promise<MailSource>,
): Promise<void> {
  const receipt = options.dryRun ? undefined : openReceipt(options.receipt)
  await withSite(shell, site(), async ({ store, accounts, folder, config }) => {
    const account = await accountNamed(accounts, address, `posthorn user add ${address}`)
    const source = await asCommandErrors(() => openSource(account, config))
    const importOptions: ImportOptions = {
      store,
      account,
      ledgerFolder: join(folder.path, 'imports'),
      map: options.map,
      only: options.only,
      removals: options.delete ? 'followed' : 'kept',
      uidlFormat: config.values.pop3_uidl_format,
      progress: createProgress(shell.terminal, shell.err),
    }
    try {
      await asCommandErrors(async () => {
        if (options.dryRun) shell.out(await forecastText(source, importOptions))
        else finish(await pass(shell, source, importOptions, receipt))
      })
    } finally {
      await source.close()
    }
  })
}

/** Its descriptor, of who called the command: the owner of the data folder could not write to /root. */
function openReceipt(file: string | undefined): number | undefined {
  return file === undefined ? undefined : orCommandError(`cannot write ${file}`, () => openSync(file, 'a'))
}

async function pass(
  shell: Shell,
  source: MailSource,
  options: ImportOptions,
  receipt: number | undefined,
): Promise<number> {
  const receipts = await runImport(source, options)
  shell.out(formatReceipt(receipts))
  if (receipt !== undefined) {
    ftruncateSync(receipt)
    writeFileSync(
      receipt,
      `${JSON.stringify({ source: source.identity, account: options.account.address, mailboxes: receipts }, undefined, 2)}\n`,
    )
  }
  return receipts.every(isSame) ? exit.ok : exit.failure
}

async function forecastText(source: MailSource, options: ImportOptions): Promise<string> {
  const rows = (await forecastImport(source, options)).map((one) => [
    one.from === one.to ? one.to : `${one.from} -> ${one.to}`,
    `${one.messages} messages`,
    `${one.fresh} to bring (${readableSize(one.freshBytes)})`,
    `${one.reflagged} flags to change`,
    one.vanished > 0 ? `${one.vanished} removed there` : '',
  ])
  return formatColumns(rows)
}

async function asCommandErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof SourceError) throw new CommandError(error.message, exit.unavailable)
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new CommandError(
        `${(error as NodeJS.ErrnoException).path ?? (error as Error).message}: no such file or folder`,
        exit.unavailable,
      )
    if (code !== 'EACCES') throw error
    throw new CommandError(
      `${(error as Error).message}\n(this runs as the owner of the data folder: let that user read there, or copy it to where it may)`,
      exit.noPermission,
    )
  }
}
