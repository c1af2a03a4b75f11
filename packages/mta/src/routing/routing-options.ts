import type { CanonicalOptions } from '../rewriting/index.ts'
import type { ProbeSender } from './probe-sender.ts'

/** Where an alias's `|command` and `/file` may stand. Postfix: allow_mail_to_commands, allow_mail_to_files. */
export type ExpansionSource = 'alias' | 'forward' | 'include'

/** Postfix's parameters in camel case; lists already split. */
export interface RoutingOptions extends CanonicalOptions {
  readonly myhostname: string
  readonly mydomain: string
  /** Completes addresses without a domain. */
  readonly myorigin: string
  /** Names, `/file`s of names, tables. */
  readonly mydestination: readonly string[]
  /** Domain of accounts that log in without one; always local. Default myorigin. */
  readonly defaultDomain?: string
  readonly recipientDelimiter?: string
  readonly aliasMaps?: readonly string[]
  readonly virtualAliasMaps?: readonly string[]
  /** Default: the domains that virtualAliasMaps name. */
  readonly virtualAliasDomains?: readonly string[]
  /** Domains of mailboxes beside those that accounts have. */
  readonly virtualMailboxDomains?: readonly string[]
  /** Who is known there, where virtualTransport leads elsewhere; empty: everybody. */
  readonly virtualMailboxMaps?: readonly string[]
  readonly relayDomains?: readonly string[]
  /** Empty: every recipient of relayDomains is taken. */
  readonly relayRecipientMaps?: readonly string[]
  /** `[host]:587`, `example.org`; '' = by MX. */
  readonly relayhost?: string
  /** '' or `local:…` = mailboxes here; `error: text`; `transport:nexthop`. */
  readonly localTransport?: string
  /** The same for domains of accounts that mydestination does not name. */
  readonly virtualTransport?: string
  /** local(8): who takes the mail of mydestination's users, by user name and for all. */
  readonly mailboxTransportMaps?: readonly string[]
  readonly mailboxTransport?: string
  readonly mailboxCommandMaps?: readonly string[]
  readonly mailboxCommand?: string
  /** Who takes mail for names that are nobody here, before luserRelay. */
  readonly fallbackTransportMaps?: readonly string[]
  readonly fallbackTransport?: string
  /** owner_request_special: `owner-list` is who sends what `list` sends on. Default yes. */
  readonly ownerRequestSpecial?: 'yes' | 'no'
  /** expand_owner_alias: not owner-list, but whom that leads to. Default no. */
  readonly expandOwnerAlias?: 'yes' | 'no'
  readonly transportMaps?: readonly string[]
  readonly relocatedMaps?: readonly string[]
  /** relocated_prefix_enable: what relocatedMaps answer is the new address, not the whole text. Default yes. */
  readonly relocatedPrefix?: 'yes' | 'no'
  readonly senderDependentRelayhostMaps?: readonly string[]
  readonly senderDependentDefaultTransportMaps?: readonly string[]
  /** empty_address_relayhost_maps_lookup_key, empty_address_default_transport_maps_lookup_key; default `<>`. */
  readonly nullSenderKeys?: { readonly relayhost: string; readonly defaultTransport: string }
  /** local_recipient_maps: empty = 'any', every user is taken at RCPT. */
  readonly localRecipients?: 'known-only' | 'any'
  /** Tables of local_recipient_maps that name users beside the accounts. */
  readonly localRecipientMaps?: readonly string[]
  /** Where mail for unknown local users goes; `$user`, `$local` … are filled in. */
  readonly luserRelay?: string
  /** srs_domain: mail that we forward has a sender there. The secret is the same for all our processes. */
  readonly senderRewriting?: { readonly domain: string; readonly secret: string }
  readonly alwaysBcc?: string
  readonly senderBccMaps?: readonly string[]
  readonly recipientBccMaps?: readonly string[]
  readonly relayTransport?: string
  readonly defaultTransport?: string
  /** Where users' homes are: `/home` (then `/home/USER`) or with `%u` `%d`; '' = none but accounts' own. */
  readonly homeDirectory?: string
  /** Mail of a user whose home is not there waits. Postfix: require_home_directory. */
  readonly homes?: 'required'
  /** forward_path. */
  readonly forwardPaths?: readonly string[]
  /** prepend_delivered_header: command, file, forward. Default: all. */
  readonly deliveredToFor?: readonly string[]
  readonly allowMailToCommands?: readonly ExpansionSource[]
  readonly allowMailToFiles?: readonly ExpansionSource[]
  /** Who reads postmaster's mail when no alias or account does; '' = the first account. */
  readonly administrator?: string
  /** double_bounce_sender, without its domain: known at our domains, and what comes for it is dropped. */
  readonly doubleBounceUser?: string
  /** address_verify_sender and its address_verify_sender_ttl. */
  readonly probes?: ProbeSender
  /** append_dot_mydomain: `user@host` → `user@host.mydomain`. Default no. */
  readonly appendDotMydomain?: 'yes' | 'no'
  /** append_at_myorigin, in headers. Default yes. */
  readonly appendAtMyorigin?: 'yes' | 'no'
  /** remote_header_rewrite_domain: completes addresses in headers of mail that is not posted here; '' = nothing does. */
  readonly remoteHeaderRewriteDomain?: string
  /** enable_original_recipient: X-Original-To is added. Default yes. */
  readonly originalRecipient?: 'yes' | 'no'
  /** allow_percent_hack: `user%host` is `user@host`. Default yes. */
  readonly percentHack?: 'yes' | 'no'
  /** swap_bangpath: `host!user` is `user@host`. Default yes. */
  readonly swapBangpath?: 'yes' | 'no'
  /** resolve_null_domain: `user%@us` is `user`. Default no: it is no address. */
  readonly nullDomain?: 'yes' | 'no'
  /** allow_untrusted_routing: strangers may name a way through us to relayDomains. Default no. */
  readonly untrustedRouting?: 'yes' | 'no'
  /** This machine's addresses, for `user@[192.0.2.1]`. */
  readonly localAddresses?: () => readonly string[]
  /** Addresses that one recipient may become. Postfix: virtual_alias_expansion_limit. */
  readonly expansionLimit?: number
  /** Postfix: virtual_alias_recursion_limit. */
  readonly recursionLimit?: number
  /** Octets. Postfix: virtual_alias_address_length_limit. */
  readonly aliasAddressLimitBytes?: number
  /** parent_domain_matches_subdomains lists relay_domains. Default yes, as in Postfix. */
  readonly relayDomainsMatchSubdomains?: 'yes' | 'no'
}
