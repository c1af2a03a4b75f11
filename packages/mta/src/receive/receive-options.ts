import type { ContentChecks } from '../checks/index.ts'
import type { StatusFilter } from '../delivery/index.ts'
import type { Milters } from '../milter/index.ts'
import type { FilterTransport, GatewayGuard, Policy } from '../policy/index.ts'
import type { ClientList, NetworkList } from '../policy/networks.ts'
import type { Routing } from '../routing/index.ts'
import type { Screen } from '../screen/index.ts'
import type { DomainList } from '../tables/index.ts'
import type { ClientLimits } from './client-limits.ts'
import type { CommandFilter } from './command-filter.ts'
import type { ForbiddenCharacters } from './forbidden-characters.ts'
import type { HeaderClients } from './header-clients.ts'
import type { DroppedFields } from './own-header.ts'
import type { ProxyFilterSettings } from './proxied-mail.ts'
import type { RejectFooter } from './reject-footer.ts'
import type { NoticeOptions } from './session-notice.ts'

/** Postfix's parameters in camel case. */
export interface ReceiveOptions {
  readonly myhostname: string
  /** smtpd_banner, expanded: `mail.example.org ESMTP Posthorn`. */
  readonly banner: string
  /** Octets; 0 = no limit. */
  readonly messageSizeLimitBytes?: number
  /** Postfix: 50. */
  readonly hopcountLimit?: number
  /** Reverse names of strangers. Postfix: smtpd_peername_lookup. */
  readonly clientNames?: 'looked-up' | 'unknown'
  readonly clientNameTimeoutMs?: number
  /** smtpd_sasl_authenticated_header. */
  readonly authenticatedHeader?: 'yes' | 'no'
  /** Of logins without a domain; '' = auth_default_realm. Postfix: smtpd_sasl_local_domain. */
  readonly saslLocalDomain?: string
  /** smtpd_tls_received_header. */
  readonly tlsInReceived?: 'yes' | 'no'
  /** disable_vrfy_command is the opposite. */
  readonly vrfy?: 'enabled' | 'disabled'
  /** Who may ask EXPN: users who have logged in, and with `mynetworks` trusted clients. Default: nobody. */
  readonly expnAccess?: 'none' | 'authenticated' | 'mynetworks'
  /** Addresses that read mail lately relay as if they were in mynetworks, on port 25. */
  readonly popBeforeSmtp?: 'yes' | 'no'
  /** Who has logged in writes as himself only (reject_sender_login_mismatch for every list). */
  readonly senderMustMatchLogin?: 'yes' | 'no'
  /** always_add_missing_headers: also for mail of strangers. */
  readonly addMissingHeaders?: 'own-clients' | 'always'
  /** message_drop_headers. Default: Postfix's. */
  readonly droppedFields?: DroppedFields
  /** undisclosed_recipients_header; '' = none. */
  readonly undisclosedRecipients?: string
  /** message_strip_characters, message_reject_characters. */
  readonly characters?: ForbiddenCharacters | undefined
  /** smtpd_client_port_logging. */
  readonly portInLog?: 'yes' | 'no'
  /** smtpd_hide_client_session: the Received field tells nothing of the client. */
  readonly clientInReceived?: 'shown' | 'hidden'
  /** queue_minfree; with dataFolder. */
  readonly minFreeBytes?: number
  readonly dataFolder?: string
  /** content_filter: everything goes there first. */
  readonly contentFilter?: FilterTransport | undefined
  /** delay_logging_resolution_limit. */
  readonly delayDigits?: number
  /** default_filter_nexthop; '': each recipient's domain. */
  readonly filterNextHop?: string
  /** smtpd_proxy_filter: whom mail is passed on to as it comes; nothing is stored here. */
  readonly proxyFilter?: ProxyFilterSettings | undefined
  /** default_verp_delimiters, verp_delimiter_filter. */
  readonly verp?: { readonly delimiters: string; readonly filter: string }
  /** Minutes east of UTC for Received and Date. */
  readonly offsetMinutes?: () => number
}

/** One configuration; a reload brings the next, which new sessions and transactions use. */
export interface ReceiveConfiguration {
  readonly options: ReceiveOptions
  /** Of port 25 and LMTP. */
  readonly policy: Policy
  /** Of 587 and 465. Default: `policy`. */
  readonly submissionPolicy?: Policy
  readonly routing: Routing
  readonly mynetworks: NetworkList
  readonly gatewayGuard?: GatewayGuard
  /** smtpd_authorized_verp_clients: who may use XVERP; undefined: nobody. */
  readonly verpClients?: NetworkList | undefined
  /** smtpd_authorized_xclient_hosts; undefined: nobody. */
  readonly xclientHosts?: ClientList | undefined
  /** smtpd_authorized_xforward_hosts; undefined: nobody. */
  readonly xforwardHosts?: ClientList | undefined
  /** smtpd_forbid_bare_newline_exclusions. */
  readonly bareNewlineExclusions?: NetworkList | undefined
  /** smtpd_sasl_exceptions_networks: AUTH is hidden from them. */
  readonly authExceptions?: NetworkList | undefined
  /** smtpd_discard_ehlo_keyword_address_maps: what EHLO does not say to an address, upper case; undefined: as to others. */
  readonly ehloKeywords?: ((address: string) => readonly string[] | undefined) | undefined
  /** undefined: nothing is limited. */
  readonly limits?: ClientLimits | undefined
  /** Default: who has logged in, and loopback. */
  readonly headerClients?: HeaderClients
  readonly contentChecks?: ContentChecks | undefined
  /** smtpd_milters, non_smtpd_milters. */
  readonly milters?: Milters | undefined
  /** smtpd_reject_footer, smtpd_reject_footer_maps. */
  readonly rejectFooter?: RejectFooter | undefined
  /** smtpd_command_filter: a command line and what is run instead of it; undefined: none. */
  readonly commandFilter?: CommandFilter | undefined
  /** smtpd_sasl_mechanism_filter: the mechanisms that EHLO names; undefined: all. */
  readonly mechanismFilter?: DomainList | undefined
  /** Tables of smtpd_forbidden_commands, asked for a command in upper case; undefined: there are none. */
  readonly forbidsCommand?: ((verb: string) => boolean) | undefined
  /** By recipient: what is said of his mailbox in other words. Postfix: local_delivery_status_filter, virtual_…; undefined: as it is. */
  readonly statusFilterFor?: ((address: string) => StatusFilter | undefined) | undefined
  /** notify_classes and its recipients; undefined: nobody hears of sessions. */
  readonly notices?: NoticeOptions | undefined
  /** Tests of strangers before the greeting, on port 25. Postfix: postscreen(8). */
  readonly screen?: Screen | undefined
}

export const defaultVerp = { delimiters: '+=', filter: '-=+' } as const
export const defaultMessageSizeLimitBytes = 10_240_000
export const defaultHopcountLimit = 50
