import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import {
  type ContentCheckOptions,
  droppedFields,
  forbiddenCharacters,
  type GreylistOptions,
  networksOfStyle,
  type OwnAddress,
  PolicyError,
  type PolicyOptions,
  parseFilter,
  type ReceiveOptions,
  type RoutingOptions,
} from '@posthorn/mta'
import type { Config } from '../config/config.ts'
import { homePattern } from '../config/home-pattern.ts'
import type { ConfigValues } from '../config/schema/schema.ts'
import { splitList } from '../config/value.ts'
import { asciiDomain } from './account-options.ts'
import { outsideSources } from './outside-targets.ts'
import { proxyFilter } from './proxy-filter.ts'
import { mapsBeforeFilter, overrides } from './service-config.ts'
import { sharedSecret } from './shared-secret.ts'
import { unverifiedOptions } from './verify-options.ts'

const yesNo = (on: boolean): 'yes' | 'no' => (on ? 'yes' : 'no')

/** Those are our accounts: `unix:passwd.byname`, `proxy:unix:passwd.byname`. */
const isUsersOfSystem = (table: string): boolean => /^(?:proxy:)?unix:passwd\.byname$/.test(table)

/** This machine's addresses with their networks. */
export function ownAddresses(): readonly OwnAddress[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map(({ address, cidr }) => ({ address, prefixBits: Number(cidr?.split('/')[1] ?? 32) }))
}

/** Those at which mail reaches us: this machine's, and what stands before it. Postfix: proxy_interfaces. */
export const reachedAt = ({ proxy_interfaces: before }: Config['values']): readonly string[] => [
  ...ownAddresses().map(({ address }) => address),
  ...before.map((word) => word.replace(/^\[(.*)\]$/, '$1')),
]

/** mynetworks as set, or by mynetworks_style. */
export function trustedNetworks({ values, isSet }: Config): readonly string[] {
  return isSet('mynetworks') ? values.mynetworks : networksOfStyle(values.mynetworks_style, ownAddresses())
}

/** How addresses are rewritten on their way in, and which are our own. */
const rewritingOptions = (values: ConfigValues): Partial<RoutingOptions> => ({
  propagateExtensions: values.propagate_unmatched_extensions,
  probes: {
    user: values.address_verify_sender.replace(/^<>$|@.*$/, '').toLowerCase(),
    ttlMs: values.address_verify_sender_ttl,
  },
  canonicalMaps: values.canonical_maps,
  senderCanonicalMaps: values.sender_canonical_maps,
  recipientCanonicalMaps: values.recipient_canonical_maps,
  canonicalClasses: values.canonical_classes,
  senderCanonicalClasses: values.sender_canonical_classes,
  recipientCanonicalClasses: values.recipient_canonical_classes,
  masqueradeDomains: values.masquerade_domains,
  masqueradeExceptions: values.masquerade_exceptions,
  masqueradeClasses: values.masquerade_classes,
})

/** Where an address leads, from main.cf. */
export function routingOptions(config: Config): RoutingOptions {
  const { values, isSet } = config
  return {
    myhostname: values.myhostname,
    mydomain: values.mydomain,
    myorigin: values.myorigin,
    mydestination: values.mydestination,
    defaultDomain: asciiDomain(values.auth_default_realm),
    recipientDelimiter: values.recipient_delimiter,
    aliasMaps: values.alias_maps,
    virtualAliasMaps: values.virtual_alias_maps,
    ...(isSet('virtual_alias_domains') ? { virtualAliasDomains: values.virtual_alias_domains } : {}),
    virtualMailboxDomains: values.virtual_mailbox_domains,
    virtualMailboxMaps: values.virtual_mailbox_maps,
    relayDomains: values.relay_domains,
    relayRecipientMaps: values.relay_recipient_maps,
    relayhost: values.relayhost,
    localTransport: values.local_transport,
    virtualTransport: values.virtual_transport,
    mailboxTransportMaps: values.mailbox_transport_maps,
    mailboxTransport: values.mailbox_transport,
    mailboxCommandMaps: values.mailbox_command_maps,
    mailboxCommand: values.mailbox_command,
    fallbackTransportMaps: values.fallback_transport_maps,
    fallbackTransport: values.fallback_transport,
    ownerRequestSpecial: yesNo(values.owner_request_special),
    expandOwnerAlias: yesNo(values.expand_owner_alias),
    transportMaps: values.transport_maps,
    relocatedMaps: values.relocated_maps,
    relocatedPrefix: yesNo(values.relocated_prefix_enable),
    senderDependentRelayhostMaps: values.sender_dependent_relayhost_maps,
    senderDependentDefaultTransportMaps: values.sender_dependent_default_transport_maps,
    nullSenderKeys: nullSenderKeys(values),
    localRecipients: values.local_recipient_maps.length === 0 ? 'any' : 'known-only',
    localRecipientMaps: values.local_recipient_maps.filter(
      (table) => !isUsersOfSystem(table) && !values.alias_maps.includes(table),
    ),
    luserRelay: values.luser_relay,
    ...(values.srs_domain === ''
      ? {}
      : {
          senderRewriting: {
            domain: values.srs_domain,
            secret: sharedSecret(values.srs_secret_file || join(values.data_directory, 'srs.secret')),
          },
        }),
    alwaysBcc: values.always_bcc,
    senderBccMaps: values.sender_bcc_maps,
    recipientBccMaps: values.recipient_bcc_maps,
    relayTransport: values.relay_transport,
    defaultTransport: values.default_transport,
    administrator: values.administrator,
    doubleBounceUser: values.double_bounce_sender.replace(/@.*$/, '').toLowerCase(),
    homeDirectory: homePattern(values.home_directory),
    ...(values.require_home_directory ? { homes: 'required' as const } : {}),
    forwardPaths: splitList(values.forward_path),
    deliveredToFor: values.prepend_delivered_header.map((word) => word.toLowerCase()),
    allowMailToCommands: outsideSources(values, 'allow_mail_to_commands'),
    allowMailToFiles: outsideSources(values, 'allow_mail_to_files'),
    appendDotMydomain: yesNo(values.append_dot_mydomain),
    appendAtMyorigin: yesNo(values.append_at_myorigin),
    remoteHeaderRewriteDomain: values.remote_header_rewrite_domain,
    originalRecipient: yesNo(values.enable_original_recipient),
    percentHack: yesNo(values.allow_percent_hack),
    swapBangpath: yesNo(values.swap_bangpath),
    nullDomain: yesNo(values.resolve_null_domain),
    untrustedRouting: yesNo(values.allow_untrusted_routing),
    ...rewritingOptions(values),
    localAddresses: () => reachedAt(values),
    expansionLimit: values.virtual_alias_expansion_limit,
    recursionLimit: values.virtual_alias_recursion_limit,
    aliasAddressLimitBytes: values.virtual_alias_address_length_limit,
    relayDomainsMatchSubdomains: yesNo(values.parent_domain_matches_subdomains.includes('relay_domains')),
  }
}

const nullSenderKeys = (values: ConfigValues): NonNullable<RoutingOptions['nullSenderKeys']> => ({
  relayhost: values.empty_address_relayhost_maps_lookup_key,
  defaultTransport: values.empty_address_default_transport_maps_lookup_key,
})

/** Who may send what, from main.cf. */
export function policyOptions(config: Config): PolicyOptions {
  const { values, restrictionClasses } = config
  const greylist = values.greylist ? ', greylist' : ''
  return {
    ...(values.log_level === 'debug' ? { verdicts: 'logged' as const } : {}),
    restrictions: {
      client: values.smtpd_client_restrictions.join(', '),
      helo: values.smtpd_helo_restrictions.join(', '),
      sender: values.smtpd_sender_restrictions.join(', '),
      relay: values.smtpd_relay_restrictions.join(', '),
      recipient: `${values.smtpd_recipient_restrictions.join(', ')}${greylist}`.replace(/^, /, ''),
      data: values.smtpd_data_restrictions.join(', '),
      end_of_data: values.smtpd_end_of_data_restrictions.join(', '),
      etrn: values.smtpd_etrn_restrictions.join(', '),
    },
    restrictionClasses: Object.fromEntries(
      [...restrictionClasses].map(([name, list]) => [name, list.join(', ')]),
    ),
    codes: {
      rejectCode: values.reject_code,
      deferCode: values.defer_code,
      accessMapRejectCode: values.access_map_reject_code,
      accessMapDeferCode: values.access_map_defer_code,
      relayDomainsRejectCode: values.relay_domains_reject_code,
      invalidHostnameRejectCode: values.invalid_hostname_reject_code,
      nonFqdnRejectCode: values.non_fqdn_reject_code,
      unknownAddressRejectCode: values.unknown_address_reject_code,
      unknownClientRejectCode: values.unknown_client_reject_code,
      unknownHostnameRejectCode: values.unknown_hostname_reject_code,
      unknownLocalRecipientRejectCode: values.unknown_local_recipient_reject_code,
      unknownVirtualAliasRejectCode: values.unknown_virtual_alias_reject_code,
      unknownVirtualMailboxRejectCode: values.unknown_virtual_mailbox_reject_code,
      unknownRelayRecipientRejectCode: values.unknown_relay_recipient_reject_code,
      unknownTableNames: values.show_user_unknown_table_name ? 'shown' : 'hidden',
      unknownAddressTempfail: values.unknown_address_tempfail_action,
      unknownHeloTempfail: values.unknown_helo_hostname_tempfail_action,
      mapsRblRejectCode: values.maps_rbl_reject_code,
      multiRecipientBounceRejectCode: values.multi_recipient_bounce_reject_code,
      plaintextRejectCode: values.plaintext_reject_code,
    },
    delayReject: yesNo(values.smtpd_delay_reject),
    rejectUnlistedRecipient: yesNo(
      values.smtpd_reject_unlisted_recipient && !overrides(config, 'no_unknown_recipient_checks'),
    ),
    rejectUnlistedSender: yesNo(values.smtpd_reject_unlisted_sender),
    recipientDelimiter: values.recipient_delimiter,
    nullSenderKey: values.smtpd_null_access_lookup_key,
    relayBeforeRecipient: yesNo(values.smtpd_relay_before_recipient_restrictions),
    services: {
      defaultAction: values.smtpd_policy_service_default_action,
      timeoutMs: values.smtpd_policy_service_timeout,
      maxIdleMs: values.smtpd_policy_service_max_idle,
      maxTtlMs: values.smtpd_policy_service_max_ttl,
      requestLimit: values.smtpd_policy_service_request_limit,
      tryLimit: values.smtpd_policy_service_try_limit,
      retryDelayMs: values.smtpd_policy_service_retry_delay,
      policyContext: values.smtpd_policy_service_policy_context,
      // Other servers of a Postfix site keep their sockets where they always were.
      ...(config.isSet('queue_directory') ||
      config.masterCf?.services.some(({ program }) => program === 'spawn')
        ? { socketFolder: values.queue_directory }
        : {}),
    },
    lists: { timeoutMs: values.dns_list_timeout, defaultReply: values.default_rbl_reply },
    rblReplyMaps: values.rbl_reply_maps,
    fingerprintDigest: values.smtpd_tls_fingerprint_digest,
    loggedPermits: values.smtpd_log_access_permit_actions,
    relayClientCertificates: values.relay_clientcerts,
    posters: { tables: values.alias_posters, ownMustLogIn: yesNo(values.alias_posters_log_in) },
    unverified: unverifiedOptions(config),
    senderLoginMaps: values.smtpd_sender_login_maps,
    ownAddresses: () => reachedAt(values),
    ownNames: [values.myhostname],
    mxBackupNetworks: values.permit_mx_backup_networks,
    parentMatchesSubdomains: yesNo(values.parent_domain_matches_subdomains.includes('smtpd_access_maps')),
  }
}

export function greylistOptions({ values }: Config): GreylistOptions {
  return {
    delayMs: values.greylist_delay,
    retryWindowMs: values.greylist_retry_window,
    maxAgeMs: values.greylist_max_age,
    autoWhitelistPasses: values.greylist_auto_whitelist_clients,
    text: values.greylist_text,
    whitelistClients: values.greylist_whitelist_clients,
    whitelistRecipients: values.greylist_whitelist_recipients,
    vouchers: (['spf', 'dkim'] as const).filter((name) => values.greylist_vouchers.includes(name)),
    myhostname: values.myhostname,
  }
}

/**
 * The submission ports, as Debian's master.cf has them: whoever has logged in may send; the lists made for
 * strangers do not bind users, save for the rule that a sender address belongs to its login.
 */
export function submissionPolicyOptions(config: Config): PolicyOptions {
  const { data, end_of_data, etrn } = policyOptions(config).restrictions
  const loginRules = config.values.smtpd_sender_restrictions.filter((word) =>
    word.endsWith('sender_login_mismatch'),
  )
  return {
    ...policyOptions(config),
    restrictions: {
      sender: loginRules.join(', '),
      relay: 'permit_sasl_authenticated, reject',
      ...(data === undefined ? {} : { data }),
      ...(end_of_data === undefined ? {} : { end_of_data }),
      ...(etrn === undefined ? {} : { etrn }),
    },
  }
}

/** What headers and text may hold, from main.cf. */
export function contentCheckOptions({ values }: Config): ContentCheckOptions {
  return {
    headerChecks: values.header_checks,
    mimeHeaderChecks: values.mime_header_checks,
    nestedHeaderChecks: values.nested_header_checks,
    bodyChecks: values.body_checks,
    bodyChecksSizeLimitBytes: values.body_checks_size_limit,
    headerSizeLimitBytes: values.header_size_limit,
    mimeNestingLimit: values.mime_nesting_limit,
    mimeBoundaryLengthLimit: values.mime_boundary_length_limit,
    forbiddenEncodings: values.strict_mime_encoding_domain ? 'refused' : 'taken',
    eightBit: {
      header: values.strict_7bit_headers || values.strict_8bitmime ? 'refused' : 'taken',
      body: values.strict_8bitmime_body || values.strict_8bitmime ? 'refused' : 'taken',
    },
  }
}

/** What is changed in mail that leaves, from main.cf. */
export function outgoingOptions(values: ConfigValues) {
  return {
    genericMaps: values.smtp_generic_maps,
    propagateExtensions: values.propagate_unmatched_extensions,
    headerChecks: values.smtp_header_checks,
    mimeHeaderChecks: values.smtp_mime_header_checks,
    nestedHeaderChecks: values.smtp_nested_header_checks,
    bodyChecks: values.smtp_body_checks,
    bodyChecksSizeLimitBytes: values.body_checks_size_limit,
  }
}

/** A transport alone is asked for each recipient's domain. Throws PolicyError. */
export function contentFilter(config: Config): ReceiveOptions['contentFilter'] {
  const text = config.values.content_filter.trim()
  const filter = parseFilter(/^[\w-]+$/.test(text) ? `${text}:` : text)
  if (filter !== undefined && mapsBeforeFilter(config)) return { ...filter, addresses: 'mapped' as const }
  if (filter !== undefined || text === '') return filter
  throw new PolicyError('content_filter', `expected transport:destination, found "${text}"`)
}

/** How mail is taken in, from main.cf. */
export function receiveOptions(config: Config): ReceiveOptions {
  const { values } = config
  return {
    myhostname: values.myhostname,
    banner: values.smtpd_banner,
    messageSizeLimitBytes: values.message_size_limit,
    hopcountLimit: values.hopcount_limit,
    saslLocalDomain: values.smtpd_sasl_local_domain,
    tlsInReceived: yesNo(values.smtpd_tls_received_header),
    authenticatedHeader: yesNo(values.smtpd_sasl_authenticated_header),
    clientNames: values.smtpd_peername_lookup ? 'looked-up' : 'unknown',
    addMissingHeaders: values.always_add_missing_headers ? 'always' : 'own-clients',
    senderMustMatchLogin: yesNo(values.sender_must_match_login),
    vrfy: values.disable_vrfy_command ? 'disabled' : 'enabled',
    expnAccess: values.expn_access,
    popBeforeSmtp: yesNo(values.pop_before_smtp_ttl > 0),
    droppedFields: droppedFields(values.message_drop_headers),
    undisclosedRecipients: values.undisclosed_recipients_header,
    characters: forbiddenCharacters(values.message_strip_characters, values.message_reject_characters),
    portInLog: yesNo(values.smtpd_client_port_logging),
    clientInReceived: values.smtpd_hide_client_session ? 'hidden' : 'shown',
    minFreeBytes: values.queue_minfree,
    dataFolder: values.data_directory,
    contentFilter: contentFilter(config),
    delayDigits: values.delay_logging_resolution_limit,
    filterNextHop: values.default_filter_nexthop,
    proxyFilter: proxyFilter(config),
    verp: { delimiters: values.default_verp_delimiters, filter: values.verp_delimiter_filter },
    offsetMinutes: () => -new Date().getTimezoneOffset(),
  }
}
