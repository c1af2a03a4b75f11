import type { Log } from '@posthorn/mail'
import { createTables, lookupFirst } from '@posthorn/mta'
import type { TlsCredentials } from '@posthorn/net'
import type { Config } from '../config/config.ts'
import { announcedCapabilities, clientQuirks } from './imap-capabilities.ts'
import { readingOptions } from './reading-options.ts'

interface ImapContext {
  readonly log: Log
  readonly now: () => number
  /** Of mynetworks. */
  readonly isTrusted: (address: string) => boolean
}

/** Options of the IMAP sessions from main.cf. */
export function imapOptions(config: Config, credentials: TlsCredentials | undefined, context: ImapContext) {
  const { values } = config
  return {
    ...readingOptions(values, credentials),
    neverDelayed: context.isTrusted,
    ...announcedCapabilities(values.imap_capability),
    quirks: clientQuirks(values.imap_client_quirks),
    referral: referralOf(config, context),
    commandLimitBytes: values.imap_max_line_length,
    loginCommandLimitBytes: 36_864,
    appendLimitBytes: values.message_size_limit,
    idleTimeoutMs: values.imap_idle_timeout,
    badCommandLimit: 20,
    maxUserIpConnections: values.mail_max_userip_connections,
    seatsUnlimitedFor: config.isSet('mail_max_userip_connections') ? () => false : context.isTrusted,
    idleNotifyIntervalMs: values.imap_idle_notify_interval,
    idFields: { name: values.mail_name },
    idLog: ['name', 'version'],
    logoutFormat: values.imap_logout_format,
    administrators: new Set(values.imap_administrators.map((address) => address.toLowerCase())),
    serverComment: values.mail_server_comment,
    serverAdmin: values.mail_server_admin,
  }
}

/** Users whose mailboxes are on another server. RFC 2221. */
function referralOf(
  config: Config,
  context: ImapContext,
): ((user: string) => string | undefined) | undefined {
  const specs = config.values.imap_login_referrals
  if (specs.length === 0) return undefined
  const { environment } = config
  const tables = createTables({ ...context, environment, unsafeFiles: config.values.unsafe_files })
  try {
    const opened = tables.openAll(specs, 'imap_login_referrals')
    return (user) => lookupFirst(opened, user.toLowerCase())
  } catch (error) {
    // Nobody is sent elsewhere; who has mail here still gets it.
    const text = `Error: imap_login_referrals: ${(error as Error).message}`
    context.log({ level: 'error', service: 'imap', text, fields: {} })
    return undefined
  }
}
