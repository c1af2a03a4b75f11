/** What main.cf, or a service of master.cf, says of sessions beside who may send what. */
import type { Resolver } from '@posthorn/dns'
import {
  createClientList,
  createCommandFilter,
  createDomainList,
  createNetworkList,
  createRejectFooter,
  filteredResolver,
  lookupFirst,
  type NoticeOptions,
  type ReceiveConfiguration,
  type TableContext,
  type Tables,
  wantsTranscripts,
} from '@posthorn/mta'
import type { Config } from '../config/config.ts'

type Context = TableContext & { readonly tables: Tables }

/** Throws TableError. */
export function sessionRules(
  own: Config,
  context: Context,
  now: () => number,
): Pick<
  ReceiveConfiguration,
  | 'verpClients'
  | 'xclientHosts'
  | 'xforwardHosts'
  | 'rejectFooter'
  | 'commandFilter'
  | 'ehloKeywords'
  | 'notices'
  | 'forbidsCommand'
  | 'mechanismFilter'
> {
  const { tables, log } = context
  const commands = tables.openAll(own.values.smtpd_command_filter, 'smtpd_command_filter')
  return {
    verpClients: verpClients(own, context),
    xclientHosts: clientList(own, 'smtpd_authorized_xclient_hosts', context),
    xforwardHosts: clientList(own, 'smtpd_authorized_xforward_hosts', context),
    rejectFooter: rejectFooter(own, tables, now),
    commandFilter: createCommandFilter(commands, log),
    ehloKeywords: ehloKeywords(own, tables),
    notices: notices(own),
    forbidsCommand: forbidsCommand(own, tables),
    mechanismFilter:
      own.values.smtpd_sasl_mechanism_filter.length > 0
        ? createDomainList(own.values.smtpd_sasl_mechanism_filter, context)
        : undefined,
  }
}

/** Who hears of what went wrong in sessions; undefined: nobody. Postfix: notify_classes. */
export function notices({ values }: Config): NoticeOptions | undefined {
  const sender = values.double_bounce_sender
  const options: NoticeOptions = {
    classes: values.notify_classes,
    mailName: values.mail_name,
    recipient: values.error_notice_recipient,
    bounceRecipient: values.bounce_notice_recipient,
    sender: sender.includes('@') ? sender : `${sender}@${values.myhostname}`,
    origin: values.myorigin,
  }
  return wantsTranscripts(options) ? options : undefined
}

/** The words without a table are known to the session itself. */
function forbidsCommand({ values }: Config, tables: Tables): ReceiveConfiguration['forbidsCommand'] {
  const parameter = 'smtpd_forbidden_commands'
  const maps = tables.openAll(
    values[parameter].filter((word) => word.includes(':')),
    parameter,
  )
  return maps.length === 0 ? undefined : (verb) => lookupFirst(maps, verb) !== undefined
}

function ehloKeywords({ values }: Config, tables: Tables): ReceiveConfiguration['ehloKeywords'] {
  const parameter = 'smtpd_discard_ehlo_keyword_address_maps'
  const maps = tables.openAll(values[parameter], parameter)
  if (maps.length === 0) return undefined
  return (address) =>
    lookupFirst(maps, address)
      ?.toUpperCase()
      .split(/[\s,]+/)
}

/** smtpd_dns_reply_filter: what restrictions see of the DNS. */
export function smtpdResolver({ values }: Config, tables: Tables, resolver: Resolver): Resolver {
  const parameter = 'smtpd_dns_reply_filter'
  const maps = tables.openAll(values[parameter], parameter)
  return maps.length === 0
    ? resolver
    : filteredResolver(resolver, (record) => lookupFirst(maps, record), parameter)
}

function rejectFooter(
  { values }: Config,
  tables: Tables,
  now: () => number,
): ReceiveConfiguration['rejectFooter'] {
  return createRejectFooter({
    template: values.smtpd_reject_footer,
    maps: tables.openAll(values.smtpd_reject_footer_maps, 'smtpd_reject_footer_maps'),
    myhostname: values.myhostname,
    now,
  })
}

/** smtpd_authorized_verp_clients; undefined: nobody. */
function verpClients(
  { values, isSet }: Config,
  context: Parameters<typeof createNetworkList>[1],
): ReceiveConfiguration['verpClients'] {
  const words = isSet('smtpd_authorized_verp_clients')
    ? values.smtpd_authorized_verp_clients
    : values.authorized_verp_clients
  return words.length === 0 ? undefined : createNetworkList(words, context)
}

/** Names and addresses of clients that may do something; undefined: nobody. */
function clientList(
  { values }: Config,
  parameter: 'smtpd_authorized_xclient_hosts' | 'smtpd_authorized_xforward_hosts',
  context: Parameters<typeof createNetworkList>[1],
): ReturnType<typeof createClientList> | undefined {
  const words = values[parameter]
  const parentMatchesSubdomains = values.parent_domain_matches_subdomains.includes(parameter) ? 'yes' : 'no'
  return words.length === 0 ? undefined : createClientList(words, context, { parentMatchesSubdomains })
}
