import type { Config } from '../../config/config.ts'
import { errorCode } from '../../start-error.ts'
import type { Options } from '../getopt.ts'
import { askPublic } from '../public-client.ts'
import { CommandError, exit, type Shell } from '../shell.ts'
import { locateSite, type Site, type SiteOptions, withSite } from '../site.ts'
import {
  deliver,
  type Outgoing,
  refuseUnauthorized,
  takeMail,
  withRouting,
  worksAlone,
} from './local-submission.ts'
import { dropMail } from './maildrop-file.ts'
import { headerRecipients, type MessageInput, prepareMessage } from './message-input.ts'
import {
  addressesOf,
  completed,
  envelopeOptions,
  notifyOf,
  senderOf,
  verpOf,
  wantsReport,
  withoutRepeats,
} from './sendmail-envelope.ts'
import { refuseRecipients, sendmailOptions } from './sendmail-options.ts'

/**
 * Takes a message from standard input into the queue, server running or not. Exit code 0 means it is on
 * disk; 75 means try again. Postfix: sendmail(1).
 */
export async function sendmail(args: readonly string[], shell: Shell): Promise<number> {
  return runSendmail(sendmailOptions(args, 'sendmail', shell), shell, 'm')
}

/** Checks the tables of alias_database. Postfix: newaliases(1). */
export async function newaliases(args: readonly string[], shell: Shell): Promise<number> {
  return runSendmail(sendmailOptions(args, 'newaliases', shell), shell, 'i')
}

/** `usual` is what the program's name asks for; `-b` asks for something else. */
export async function runSendmail(options: Options, shell: Shell, usual: 'm' | 'p' | 'i'): Promise<number> {
  const site = { config: options.value('C') }
  const mode = options.has('I') ? 'i' : (options.value('b') ?? usual)
  refuseRecipients(mode, options)
  const queue = options.value('q')
  if (queue !== undefined && (mode === 'm' || mode === 'p')) return flush(queue, shell, site)
  // What other commands do is loaded for them alone: programs that send mail wait for us.
  switch (mode) {
    case 'p':
      return (await import('./postqueue.ts')).showQueue(shell, site, 'columns')
    case 'i':
      return (await import('./tables.ts')).checkAliasDatabase(shell, site)
    case 'd':
    case 'l':
      await (await import('../server-control.ts')).startInBackground(shell, site)
      return exit.ok
    // Of other systems: what is known of hosts that did not answer is shown, or forgotten.
    case 'h':
    case 'H':
      return exit.ok
    case 's':
      return (await import('./stand-alone.ts')).speakSmtp(site, shell)
    case 'v':
      return verify(options, shell)
    case 'm':
      return send(options, shell)
    default:
      throw new CommandError(`unsupported: -b${mode}`, exit.usage)
  }
}

/** `-q`, `-q15m`: all of it; `-qRsite`, `-qIid`. It is postqueue's work, and faults are told in its name. */
async function flush(what: string, shell: Shell, site: SiteOptions): Promise<number> {
  const name = what.slice(1)
  const { flushMessage, flushQueue, flushSite } = await import('./postqueue.ts')
  try {
    if (/^\d/.test(what)) return await flushQueue(shell, site, {})
    if (what.startsWith('R')) return await flushSite(shell, site, name)
    if (what.startsWith('I')) return await flushMessage(shell, site, name)
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    shell.err(`postqueue: fatal: ${error.message}\n`)
    return error.exitCode
  }
  throw new CommandError(`-q${what.slice(0, 1)} is not implemented`, exit.usage)
}

const whoCalls = (shell: Shell) => `${shell.userName}(${shell.uid})`

function noRecipients(shell: Shell): CommandError {
  const text = 'Recipient addresses must be specified on the command line or via the -t option'
  return new CommandError(`${whoCalls(shell)}: ${text}`, exit.usage)
}

/** Mail to nobody is for somebody. Postfix: empty_address_recipient. */
const recipientsOf = (options: Options, { values }: Config): readonly string[] =>
  options.rest.flatMap((word) =>
    word === '' || word === '<>' ? [values.empty_address_recipient] : addressesOf(word),
  )

async function send(options: Options, shell: Shell): Promise<number> {
  if (options.rest.length === 0 && !options.has('t')) throw noRecipients(shell)
  const siteOptions = { config: options.value('C') }
  const { config } = locateSite(shell, siteOptions)
  const named = recipientsOf(options, config)
  if (named.length === 0 && !options.has('t')) throw noRecipients(shell)
  const sender = senderOf(options, shell)
  const input = await readMessage(shell, config)
  const addresses = options.has('t') ? [...named, ...headerRecipients(input)] : named
  if (addresses.length === 0)
    throw new CommandError(`${whoCalls(shell)}: No recipient addresses found in message header`, exit.usage)
  const notify = notifyOf(options, shell)
  const outgoing: Outgoing = {
    sender,
    recipients: withoutRepeats(addresses).map((address) => ({ address, ...notify })),
    message: messageFrom(input, options, {
      address: completed(sender === '' ? 'MAILER-DAEMON' : sender, config),
      name: options.value('F') ?? (sender === '' ? '' : shell.fullName),
      format: config.values.header_from_format,
    }),
    options: {
      ...envelopeOptions(options, shell),
      ...(wantsReport(options) ? { trace: 'first-attempt' as const } : {}),
    },
    ...verpOf(options, config),
    ...(options.has('G') ? { context: 'remote' as const } : {}),
    userid: shell.uid,
  }
  const reply = await takeMail(outgoing, siteOptions, shell)
  if (reply.code >= 400) {
    const text = [reply.text].flat().join(' ')
    throw new CommandError(`${whoCalls(shell)}: ${text}`, reply.code < 500 ? exit.tempFail : exit.unavailable)
  }
  // A message of nobody has nobody to report to (RFC 3461 §6.2): said in Postfix's words.
  if (wantsReport(options)) promiseReport(sender, shell)
  return exit.ok
}

function promiseReport(reader: string, shell: Shell): void {
  shell.out(`Mail Delivery Status Report will be mailed to <${reader}>.\n`)
}

/** `-bv`: no mail is sent but a report to the caller: where mail to each address would go. */
async function verify(options: Options, shell: Shell): Promise<number> {
  if (options.has('t')) throw new CommandError('-t option cannot be used with -bv', exit.usage)
  if (wantsReport(options)) throw new CommandError('-v option cannot be used with -bv', exit.usage)
  const siteOptions = { config: options.value('C') }
  const site = locateSite(shell, siteOptions)
  const addresses = recipientsOf(options, site.config)
  if (addresses.length === 0) throw noRecipients(shell)
  const sender = senderOf(options, shell)
  if (!(await worksAlone(site, shell))) return await leaveVerification(addresses, sender, site, shell)
  const { verificationReport } = await import('../../services/verification-report.ts')
  return withSite(shell, siteOptions, async (site) => {
    const { myhostname: hostname } = site.config.values
    const nowMs = shell.now()
    const report = await withRouting(site, (routing) =>
      verificationReport({ routing, hostname, nowMs }, addresses, sender),
    )
    const recipients = [{ address: sender === '' ? 'postmaster' : sender }]
    const message = Buffer.from(report)
    const reply = await deliver(site, { sender: '', recipients, message, options: {}, userid: shell.uid })
    if (reply.code >= 400) throw new CommandError([reply.text].flat().join(' '), exit.tempFail)
    promiseReport(sender === '' ? 'postmaster' : sender, shell)
    return exit.ok
  })
}

/** The running server itself looks, and mails what it found. */
async function leaveVerification(
  addresses: readonly string[],
  sender: string,
  site: Site,
  shell: Shell,
): Promise<number> {
  const { folder } = site
  await refuseUnauthorized(site, shell)
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
  promiseReport(sender === '' ? 'postmaster' : sender, shell)
  return exit.ok
}

async function readMessage(shell: Shell, config: Config): Promise<Buffer> {
  const limitBytes = config.values.message_size_limit || Number.POSITIVE_INFINITY
  const input = await shell.readInput(limitBytes)
  if (input === undefined) {
    throw new CommandError(`${whoCalls(shell)}: message file too big`, exit.unavailable)
  }
  return input
}

function messageFrom(input: Buffer, options: Options, from: MessageInput['from']): Buffer {
  const dotEnds = !options.has('i') && !options.values('o').includes('i')
  return prepareMessage(input, {
    dot: dotEnds ? 'ends' : 'kept',
    bcc: options.has('t') ? 'removed' : 'kept',
    from: options.has('G') ? undefined : from,
  })
}
