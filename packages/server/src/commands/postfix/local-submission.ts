import { statSync } from 'node:fs'
import type { Log } from '@posthorn/mail'
import type { Routing, Submission, submit } from '@posthorn/mta'
import type { OutgoingMail, SmtpReply } from '@posthorn/smtp'
import type { EnvelopeOptions } from '@posthorn/storage'
import type { Config } from '../../config/config.ts'
import { admitsEverybody, allowsAnySender } from '../../config/user-lists.ts'
import { errorCode, StartError } from '../../start-error.ts'
import { askPublic } from '../public-client.ts'
import { CommandError, exit, type Shell } from '../shell.ts'
import { locateSite, type OpenSite, type Site, type SiteOptions, withSite } from '../site.ts'
import { handOver, mayOpenStore } from './hand-over.ts'
import { dropMail, mayDrop } from './maildrop-file.ts'
import { completed } from './sendmail-envelope.ts'

/** Mail of a user of this machine, complete. */
export interface Outgoing {
  readonly sender: string
  readonly recipients: Parameters<typeof submit>[0]['recipients']
  readonly message: Uint8Array
  readonly options: EnvelopeOptions
  readonly verp?: Submission['verp']
  readonly context?: 'remote'
  readonly userid: number
}

/**
 * Into the queue, the maildrop, or by SMTP to the running server: whatever this user may. A 250 is on the disk.
 * @throws CommandError when none of it can be done.
 */
export async function takeMail(outgoing: Outgoing, options: SiteOptions, shell: Shell): Promise<SmtpReply> {
  const site = locateSite(shell, options)
  await refuseSender(site, outgoing.sender, shell)
  return !waitsForServer(site) && (await worksAlone(site, shell))
    ? await withSite(shell, options, async (open) => await deliver(open, outgoing))
    : await leave(outgoing, site, shell)
}

/** What mail of this machine goes through on its way in, beyond aliases. */
const contentRules = [
  'header_checks',
  'mime_header_checks',
  'nested_header_checks',
  'body_checks',
  'non_smtpd_milters',
  'content_filter',
  'canonical_maps',
  'sender_canonical_maps',
  'recipient_canonical_maps',
  'masquerade_domains',
] as const

/** What the server does with content is not done here: such mail waits for it, as all mail does at Postfix. */
const waitsForServer = ({ config: { values }, folder }: Site): boolean =>
  mayDrop(folder.maildrop) && contentRules.some((name) => values[name].length > 0)

/** A running server takes the mail of root, too, from the maildrop: with its checks, its milters and its log. */
export async function worksAlone({ folder }: Site, shell: Shell): Promise<boolean> {
  if (!mayOpenStore(folder.path)) return false
  return (await askPublic(folder.publicSocket, { cmd: 'up' }, shell).catch(() => undefined)) === undefined
}

/** Now, while the caller can be told: pickup could only throw the mail away. Postfix: postdrop(1), authorized_submit_users. */
export async function refuseUnauthorized({ config, folder }: Site, shell: Shell): Promise<void> {
  if (admitsEverybody(config, 'authorized_submit_users')) return
  const { admittedUsers } = await import('../../start/admitted-users.ts')
  const ownUid = statSync(folder.path, { throwIfNoEntry: false })?.uid
  let isAdmitted: boolean
  try {
    isAdmitted = admittedUsers(config, 'authorized_submit_users', () => {}, ownUid)(shell.uid)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CommandError(`authorized_submit_users: ${reason}`, exit.tempFail)
  }
  if (!isAdmitted)
    throw new CommandError(
      `User ${shell.userName}(${shell.uid}) is not allowed to submit mail`,
      exit.noPermission,
    )
}

/** Postfix: postdrop(1), local_login_sender_maps. */
async function refuseSender({ config }: Site, sender: string, shell: Shell): Promise<void> {
  if (allowsAnySender(config)) return
  const { loginSenders } = await import('../../start/login-senders.ts')
  let isAllowed: boolean
  try {
    isAllowed = loginSenders(config, () => {})(shell.uid, sender)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CommandError(`local_login_sender_maps: ${reason}`, exit.tempFail)
  }
  if (isAllowed) return
  const text = `${shell.userName}(${shell.uid}): not authorized to use sender='${sender}'`
  throw new CommandError(text, exit.noPermission)
}

/** Into the maildrop, where the system knows whose it is; else by SMTP. */
async function leave(outgoing: Outgoing, site: Site, shell: Shell): Promise<SmtpReply> {
  const { config, folder } = site
  await refuseUnauthorized(site, shell)
  if (!mayDrop(folder.maildrop)) {
    await handOver(config, asMail(outgoing, config))
    return { code: 250, status: '2.0.0', text: 'Ok' }
  }
  const { sender, recipients, options, verp, context, message } = outgoing
  try {
    dropMail(
      folder.maildrop,
      {
        sender,
        recipients,
        options,
        ...(verp === undefined ? {} : { verp }),
        ...(context === undefined ? {} : { context }),
      },
      message,
    )
  } catch (error) {
    throw new CommandError(`mail cannot be left in ${folder.maildrop}: ${errorCode(error)}`, exit.tempFail)
  }
  // It lies there safely: that the server does not answer now costs a minute.
  await askPublic(folder.publicSocket, { cmd: 'pickup' }, shell).catch(() => {})
  return { code: 250, status: '2.0.0', text: 'Ok: queued' }
}

export async function withRouting<T>(site: OpenSite, work: (routing: Routing) => Promise<T>): Promise<T> {
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

export async function deliver(site: OpenSite, outgoing: Outgoing): ReturnType<typeof submit> {
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
        ...(outgoing.context === undefined ? {} : { context: outgoing.context }),
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
  try {
    return (await import('../../log/configured-log.ts')).logWriterFor(config).log
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    // No mail is lost for the sake of its log.
    log({ level: 'warning', service: 'sendmail', text: error.message })
    return log
  }
}
