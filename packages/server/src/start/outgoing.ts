/** Mail on its way out, from main.cf: how it is changed, whom it trusts, what it says to other servers. */
import { join } from 'node:path'
import type { Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import {
  createDomainList,
  createMtaSts,
  createOutgoingRewriting,
  type LookupTable,
  type MtaSts,
  type RemoteTransport,
  type Routing,
  remoteNotice,
  type SessionNotice,
  type Submission,
  sendReports,
  type TableContext,
  type Tables,
} from '@posthorn/mta'
import type { SmtpClientOptions, SmtpReply } from '@posthorn/smtp'
import type { Config } from '../config/config.ts'
import { type ConfigValues, type ParameterName, parameters } from '../config/schema/schema.ts'
import { remoteSite } from '../services/remote-options.ts'
import { type ClientTables, smtpClientOptions } from '../services/smtp-client-options.ts'
import { stsMemory } from '../services/sts-memory.ts'
import { TlsReports } from '../services/tls-reports.ts'
import { outgoingOptions } from '../services/transfer-options.ts'
import { readAuthorities } from '../tls/authorities.ts'
import { notices } from './session-rules.ts'
import type { TransferParts } from './transfer-rules.ts'

export interface Outgoing {
  readonly smtp: RemoteTransport
  readonly lmtp: RemoteTransport
  /** Transports of master.cf that have options of their own. */
  readonly byService: ReadonlyMap<string, RemoteTransport>
}

interface OutgoingSources extends TableContext {
  readonly tables: Tables
  readonly routing: Pick<Routing, 'complete' | 'isLocalDomain'>
  readonly sts: MtaSts
  readonly reports: TlsReports
  readonly log: Log
  /** Mail to postmaster. */
  readonly notify: (notice: SessionNotice) => void
}

/** Policies of other domains outlive every reload. */
export const createSts = (config: Config, resolver: Resolver, log: Log, now: () => number): MtaSts =>
  createMtaSts({
    resolver,
    now,
    memory: stsMemory(join(config.values.data_directory, 'mta-sts.json'), log),
    ca: () => readAuthorities('smtp_tls', config.values.smtp_tls_CAfile, config.values.smtp_tls_CApath),
  })

/** Counts outlive every reload, too. */
export const createTlsReports = (
  { config: { values }, resolver, log, now }: TransferParts,
  site: {
    readonly config: () => Config
    readonly submit: (submission: Submission) => Promise<SmtpReply>
  },
): TlsReports =>
  new TlsReports({
    folder: join(values.data_directory, 'tlsrpt'),
    log,
    now,
    send: async (day, tally, signal) => {
      const { values } = site.config()
      if (!values.smtp_tlsrpt_enable) return
      const { tlsrpt_organization: organization, tlsrpt_contact: contact } = values
      await sendReports(day, tally, {
        resolver,
        reporter: { organization, contact, submitter: contact.slice(contact.lastIndexOf('@') + 1) },
        submit: async (address, message) => {
          const userid = process.getuid?.() ?? 0
          const { code, text } = await site.submit({
            sender: '',
            recipients: [{ address }],
            content: [message],
            userid,
          })
          if (code >= 400) throw new Error(`${code} ${text}`)
        },
        log,
        now,
        signal,
      })
    },
  })

/** Throws TableError, StartError. */
export function createOutgoing(config: Config, sources: OutgoingSources): Outgoing {
  const byService = new Map<string, RemoteTransport>()
  for (const { name, program, options } of config.services.transports) {
    if (program !== 'smtp' && program !== 'lmtp') continue
    if (options.every((option) => option.name === 'syslog_name')) continue
    byService.set(name, remoteTransport(config.withOptions(options), program, sources))
  }
  return {
    smtp: remoteTransport(config, 'smtp', sources),
    lmtp: remoteTransport(config, 'lmtp', sources),
    byService,
  }
}

function remoteTransport(
  config: Config,
  protocol: 'smtp' | 'lmtp',
  sources: OutgoingSources,
): RemoteTransport {
  const { tables, routing, sts, reports, log, notify } = sources
  const values = protocol === 'smtp' ? config.values : asSmtp(config.values)
  const open = (name: TableParameter): readonly LookupTable[] => tables.openAll(values[name], name)
  const rewriting = createOutgoingRewriting(
    outgoingOptions(values),
    tables,
    {
      complete: routing.complete,
      isLocalDomain: routing.isLocalDomain,
      delimiter: values.recipient_delimiter,
    },
    log,
  )
  const clientTables: ClientTables = {
    passwords: open('smtp_sasl_password_maps'),
    discardKeywords: open('smtp_discard_ehlo_keyword_address_maps'),
    pix: open('smtp_pix_workaround_maps'),
    replies: open('smtp_reply_filter'),
  }
  const cached = createDomainList(values.smtp_connection_cache_destinations, sources)
  const site = remoteSite(values, {
    policies: open('smtp_tls_policy_maps'),
    statusFilters: open('smtp_delivery_status_filter'),
    dnsFilters: open('smtp_dns_reply_filter'),
    cachedDestinations: (name) => cached.has(name),
    sts,
    log,
    record: (result) => reports.record(result),
  })
  const told = troubleHearer(config, notify)
  return {
    client: (server, nextHop, sender) => ({
      ...smtpClientOptions(values, clientTables, server, nextHop, sender, protocol),
      tls: site.tls,
      ...told,
    }),
    settings: site.settings,
    rewriting,
  }
}

/** Postfix: notify_classes = protocol. */
function troubleHearer(
  config: Config,
  notify: OutgoingSources['notify'],
): Pick<SmtpClientOptions, 'onTrouble'> {
  const options = notices(config)
  if (options?.classes.includes('protocol') !== true) return {}
  return {
    onTrouble: (session) => {
      const notice = remoteNotice(session, options)
      if (notice !== undefined) notify(notice)
    },
  }
}

type TableParameter =
  | 'smtp_sasl_password_maps'
  | 'smtp_discard_ehlo_keyword_address_maps'
  | 'smtp_tls_policy_maps'
  | 'smtp_delivery_status_filter'
  | 'smtp_dns_reply_filter'
  | 'smtp_pix_workaround_maps'
  | 'smtp_reply_filter'

const lmtpTwins = [...parameters].flatMap(([name, { twin }]) =>
  twin === undefined ? [] : [[name, twin] as const],
)

/** lmtp(8) is smtp(8) with parameters of its own. */
function asSmtp(values: ConfigValues): ConfigValues {
  const own = Object.fromEntries(lmtpTwins.map(([name, twin]) => [twin, values[name as ParameterName]]))
  return {
    ...values,
    ...own,
    smtp_never_send_ehlo: false,
    smtp_tls_mta_sts: false,
    smtp_tlsrpt_enable: false,
  }
}
