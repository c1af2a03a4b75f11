import { type Log, parseAddressOrLocal } from '@posthorn/mail'
import type { Routing, Submission, submit } from '@posthorn/mta'
import type { OutgoingMail } from '@posthorn/smtp'
import type { EnvelopeOptions, NewRecipient } from '@posthorn/storage'
import type { Config } from '../../config/config.ts'
import { verificationReport } from '../../services/verification-report.ts'
import { errorCode } from '../../start-error.ts'
import type { Options } from '../getopt.ts'
import { askPublic } from '../public-client.ts'
import { startInBackground } from '../server-control.ts'
import { CommandError, exit, type Shell } from '../shell.ts'
import { locateSite, type OpenSite, type Site, withSite } from '../site.ts'
import { handOver, mayOpenStore, speakSmtp } from './hand-over.ts'
import { dropMail, mayDrop } from './maildrop-file.ts'
import { headerRecipients, prepareMessage } from './message-input.ts'
import { flushQueue, showQueue } from './postqueue.ts'
import { sendmailOptions } from './sendmail-options.ts'
import { newaliases } from './tables.ts'

/**
 * Takes a message from standard input into the queue, server running or not. Exit code 0 means it is on
 * disk; 75 means try again. Postfix: sendmail(1).
 */
export async function sendmail(args: readonly string[], shell: Shell): Promise<number> {
  const options = sendmailOptions(args)
  const site = { config: options.value('C') }
  const mode = options.has('I') ? 'i' : (options.value('b') ?? 'm')
  switch (mode) {
    case 'p':
      return showQueue(shell, site, 'columns')
    case 'i':
      return newaliases([], shell)
    case 'd':
      await startInBackground(shell, site)
      return exit.ok
    case 's':
      return speakSmtp(locateSite(shell, site).config, shell)
    case 'v':
      return verify(options, shell)
    case 'm':
      if (options.has('q')) return flushQueue(shell, site, {})
      return send(options, shell)
    default:
      throw new CommandError(`unsupported mode: -b${mode}`, exit.usage)
  }
}

async function send(options: Options, shell: Shell): Promise<number> {
  const named = options.rest.flatMap((word) => addressesOf(word))
  if (named.length === 0 && !options.has('t')) {
    throw new CommandError(
      'Recipient addresses must be specified on the command line or via the -t option',
      exit.usage,
    )
  }
  const sender = senderOf(options, shell)
  const siteOptions = { config: options.value('C') }
  const site = locateSite(shell, siteOptions)
  const { config, folder } = site
  const input = await readMessage(shell, config)
  const addresses = options.has('t') ? [...named, ...headerRecipients(input)] : named
  if (addresses.length === 0)
    throw new CommandError('No recipient addresses found in message header', exit.usage)
  const outgoing: Outgoing = {
    sender,
    recipients: [...new Set(addresses)].map((address) => ({ address, ...notifyOf(options) })),
    message: messageFrom(input, options, completed(sender === '' ? 'MAILER-DAEMON' : sender, config)),
    options: envelopeOptions(options),
    ...verpOf(options, config),
    userid: shell.uid,
  }
  if (!mayOpenStore(folder.path)) return leave(outgoing, site, shell)
  return withSite(shell, siteOptions, async (site) => {
    const reply = await deliver(site, outgoing)
    if (reply.code < 400) return exit.ok
    const text = [reply.text].flat().join(' ')
    throw new CommandError(
      `${shell.userName}(${shell.uid}): ${text}`,
      reply.code < 500 ? exit.tempFail : exit.unavailable,
    )
  })
}

/** For users who are not the server's own: into the maildrop, where the system knows whose it is; else by SMTP. */
async function leave(outgoing: Outgoing, { config, folder }: Site, shell: Shell): Promise<number> {
  if (!mayDrop(folder.maildrop)) return handOver(config, asMail(outgoing, config))
  const { sender, recipients, options, verp, message } = outgoing
  try {
    dropMail(
      folder.maildrop,
      { sender, recipients, options, ...(verp === undefined ? {} : { verp }) },
      message,
    )
  } catch (error) {
    throw new CommandError(`mail cannot be left in ${folder.maildrop}: ${errorCode(error)}`, exit.tempFail)
  }
  // It lies there safely: that the server does not answer now costs a minute.
  await askPublic(folder.publicSocket, { cmd: 'pickup' }, shell).catch(() => {})
  return exit.ok
}

/** `-bv`: no mail is sent but a report to the caller: where mail to each address would go. */
async function verify(options: Options, shell: Shell): Promise<number> {
  const addresses = options.rest.flatMap((word) => addressesOf(word))
  if (addresses.length === 0)
    throw new CommandError('Recipient addresses must be specified on the command line', exit.usage)
  const sender = senderOf(options, shell)
  const siteOptions = { config: options.value('C') }
  const site = locateSite(shell, siteOptions)
  if (!mayOpenStore(site.folder.path)) return await leaveVerification(addresses, sender, site, shell)
  return withSite(shell, siteOptions, async (site) => {
    const report = await withRouting(site, (routing) => verificationReport(routing, addresses, sender))
    const recipients = [{ address: sender === '' ? 'postmaster' : sender }]
    const message = Buffer.from(report)
    const reply = await deliver(site, { sender: '', recipients, message, options: {}, userid: shell.uid })
    if (reply.code >= 400) throw new CommandError([reply.text].flat().join(' '), exit.tempFail)
    shell.out(`Mail Delivery Status Report will be mailed to <${recipients[0]?.address}>.\n`)
    return exit.ok
  })
}

/** For users who are not the server's own: the server itself looks, and mails what it found. */
async function leaveVerification(
  addresses: readonly string[],
  sender: string,
  { folder }: Site,
  shell: Shell,
): Promise<number> {
  const recipients = addresses.map((address) => ({ address }))
  try {
    dropMail(folder.maildrop, { sender, recipients, options: {}, verify: 'only' }, Buffer.alloc(0))
  } catch (error) {
    throw new CommandError(
      `the request cannot be left in ${folder.maildrop}: ${errorCode(error)}`,
      exit.tempFail,
    )
  }
  await askPublic(folder.publicSocket, { cmd: 'pickup' }, shell).catch(() => {})
  shell.out(`Mail Delivery Status Report will be mailed to <${sender === '' ? 'postmaster' : sender}>.\n`)
  return exit.ok
}

async function withRouting<T>(site: OpenSite, work: (routing: Routing) => Promise<T>): Promise<T> {
  const { config, store, accounts } = site
  const [{ createRouting, createTables }, { routingOptions }] = await Promise.all([
    import('@posthorn/mta'),
    import('../../services/transfer-options.ts'),
  ])
  const [log, now, unsafeFiles] = [await commandLog(site), Date.now, config.values.unsafe_files]
  const tables = createTables({ log, now, unsafeFiles, folder: config.folder })
  const sources = { tables, accounts, store, log, now, unsafeFiles, folder: config.folder }
  const routing = await createRouting(routingOptions(config), sources)
  try {
    return await work(routing)
  } finally {
    routing.close()
  }
}

async function readMessage(shell: Shell, config: Config): Promise<Buffer> {
  const limitBytes = config.values.message_size_limit || Number.POSITIVE_INFINITY
  const input = await shell.readInput(limitBytes)
  if (input === undefined) {
    throw new CommandError(`${shell.userName}(${shell.uid}): message file too big`, exit.unavailable)
  }
  return input
}

function messageFrom(input: Buffer, options: Options, fromAddress: string): Buffer {
  const dotEnds = !options.has('i') && !options.values('o').includes('i')
  return prepareMessage(input, {
    dot: dotEnds ? 'ends' : 'kept',
    bcc: options.has('t') ? 'removed' : 'kept',
    from: { address: fromAddress, name: options.value('F') ?? '' },
  })
}

function asMail({ sender, recipients, message, options }: Outgoing, config: Config): OutgoingMail {
  return {
    sender: sender === '' ? '' : completed(sender, config),
    recipients: recipients.map(({ address, notify }) => ({
      address: completed(address, config),
      ...(notify === undefined ? {} : { notify }),
    })),
    sizeBytes: message.length,
    content: () => [message],
    ...(options.ret === undefined ? {} : { ret: options.ret }),
    ...(options.envid === undefined ? {} : { envid: options.envid }),
    body: message.some((octet) => octet > 127) ? '8BITMIME' : '7BIT',
  }
}

interface Outgoing {
  readonly sender: string
  readonly recipients: Parameters<typeof submit>[0]['recipients']
  readonly message: Uint8Array
  readonly options: EnvelopeOptions
  readonly verp?: Submission['verp']
  readonly userid: number
}

async function deliver(site: OpenSite, outgoing: Outgoing): ReturnType<typeof submit> {
  const { store } = site
  const { values } = site.config
  const { submit } = await import('@posthorn/mta')
  const log = await commandLog(site)
  return withRouting(site, async (routing) =>
    submit(
      {
        sender: outgoing.sender,
        recipients: outgoing.recipients,
        content: [outgoing.message],
        userid: outgoing.userid,
        options: outgoing.options,
        ...(outgoing.verp === undefined ? {} : { verp: outgoing.verp }),
      },
      {
        store,
        log,
        now: Date.now,
        configuration: () => ({
          routing,
          options: {
            myhostname: values.myhostname,
            banner: values.smtpd_banner,
            messageSizeLimitBytes: values.message_size_limit,
            hopcountLimit: values.hopcount_limit,
            verp: { delimiters: values.default_verp_delimiters, filter: values.verp_delimiter_filter },
            offsetMinutes: () => -new Date().getTimezoneOffset(),
          },
        }),
      },
    ),
  )
}

/** Into the server's log file where there is one; standard output belongs to the caller. */
async function commandLog({ config, log }: OpenSite): Promise<Log> {
  if (config.values.maillog_file === '') return log
  return (await import('../../log/configured-log.ts')).logWriterFor(config).log
}

function completed(address: string, config: Config): string {
  return address.includes('@') ? address : `${address}@${config.values.myorigin}`
}

function senderOf(options: Options, shell: Shell): string {
  const given = options.value('f') ?? options.value('r')
  if (given === undefined) return shell.userName
  if (given === '' || given === '<>') return ''
  const [address] = addressesOf(given, 'sender')
  if (address === undefined) throw new CommandError(`bad sender address: ${given}`, exit.dataError)
  return address
}

/** `a@b`, `<a@b>`, `a, b`: mailx and its kind hand over lists. */
function addressesOf(word: string, whose: 'sender' | 'recipient' = 'recipient'): readonly string[] {
  return word
    .split(',')
    .map((part) => part.trim().replace(/^<(.*)>$/, '$1'))
    .filter((part) => part !== '')
    .map((part) => {
      if (parseAddressOrLocal(part) === undefined)
        throw new CommandError(`bad ${whose} address: ${part}`, exit.dataError)
      return part
    })
}

type Notify = NonNullable<NewRecipient['notify']>

/** RFC 3461 §4.1: `-N failure,delay` or `-N never`. */
function notifyOf(options: Options): { readonly notify?: Notify } {
  const words = (options.value('N') ?? '')
    .toUpperCase()
    .split(',')
    .filter((word) => word !== '')
  if (words.length === 0) return {}
  const known: Notify = ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY']
  const notify = known.filter((word) => words.includes(word))
  if (notify.length !== words.length || (notify.includes('NEVER') && notify.length > 1)) {
    throw new CommandError(
      `bad -N option value -- specify 'never' or a list of 'failure', 'delay' and 'success'`,
      exit.usage,
    )
  }
  return { notify }
}

/** `-XV`, `-XV-=`: variable envelope return paths. Postfix: VERP_README. */
function verpOf(options: Options, { values }: Config): Pick<Outgoing, 'verp'> {
  const asked = options.value('X')
  if (asked === undefined || !asked.startsWith('V')) return {}
  const delimiters = asked.slice(1)
  if (delimiters === '') return { verp: 'default' }
  const filter = values.verp_delimiter_filter
  if (delimiters.length !== 2 || [...delimiters].some((one) => !filter.includes(one)))
    throw new CommandError(`-V requires two characters from ${filter}`, exit.usage)
  return { verp: { delimiters } }
}

function envelopeOptions(options: Options): EnvelopeOptions {
  const ret = options.value('R')?.toUpperCase()
  const envid = options.value('V')
  return {
    ...(ret === 'FULL' || ret === 'HDRS' ? { ret } : {}),
    ...(envid === undefined ? {} : { envid }),
    ...(options.value('B')?.toUpperCase() === '8BITMIME' ? { body: '8BITMIME' as const } : {}),
  }
}
