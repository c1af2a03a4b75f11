import type { DnsListOptions } from './dns-lists.ts'
import type { PolicyServiceOptions } from './policy-service.ts'
import type { PosterOptions } from './posters.ts'
import type { Stage } from './request.ts'

/** Reply codes, Postfix's names in camel case. */
export interface PolicyCodes {
  readonly rejectCode: number
  readonly deferCode: number
  readonly accessMapRejectCode: number
  readonly accessMapDeferCode: number
  readonly relayDomainsRejectCode: number
  readonly invalidHostnameRejectCode: number
  readonly nonFqdnRejectCode: number
  readonly unknownAddressRejectCode: number
  readonly unknownClientRejectCode: number
  readonly unknownHostnameRejectCode: number
  readonly unknownLocalRecipientRejectCode: number
  readonly unknownVirtualAliasRejectCode: number
  readonly unknownVirtualMailboxRejectCode: number
  readonly unknownRelayRecipientRejectCode: number
  /** show_user_unknown_table_name. */
  readonly unknownTableNames: 'shown' | 'hidden'
  /** unknown_address_tempfail_action, unknown_helo_hostname_tempfail_action: what is done when DNS does not answer. */
  readonly unknownAddressTempfail: 'defer_if_permit' | 'defer'
  readonly unknownHeloTempfail: 'defer_if_permit' | 'defer'
  readonly mapsRblRejectCode: number
  readonly plaintextRejectCode: number
  readonly multiRecipientBounceRejectCode: number
}

/** Postfix's defaults. */
export const defaultCodes: PolicyCodes = {
  rejectCode: 554,
  deferCode: 450,
  accessMapRejectCode: 554,
  accessMapDeferCode: 450,
  relayDomainsRejectCode: 554,
  invalidHostnameRejectCode: 501,
  nonFqdnRejectCode: 504,
  unknownAddressRejectCode: 450,
  unknownClientRejectCode: 450,
  unknownHostnameRejectCode: 450,
  unknownLocalRecipientRejectCode: 550,
  unknownVirtualAliasRejectCode: 550,
  unknownVirtualMailboxRejectCode: 550,
  unknownRelayRecipientRejectCode: 550,
  unknownTableNames: 'shown',
  unknownAddressTempfail: 'defer_if_permit',
  unknownHeloTempfail: 'defer_if_permit',
  mapsRblRejectCode: 554,
  plaintextRejectCode: 450,
  multiRecipientBounceRejectCode: 550,
}

/** unverified_sender_… and unverified_recipient_…. */
export interface UnverifiedSettings {
  readonly rejectCode: number
  readonly deferCode: number
  /** '' = what the probe was told. */
  readonly rejectReason: string
  readonly tempfailAction: 'defer_if_permit' | 'defer'
}

/** Postfix's defaults. */
export const defaultUnverified: UnverifiedSettings = {
  rejectCode: 450,
  deferCode: 450,
  rejectReason: '',
  tempfailAction: 'defer_if_permit',
}

export interface PolicyOptions {
  /** For `posthorn explain`: log_level = debug. Default: not logged. */
  readonly verdicts?: 'logged' | 'not logged'
  /** smtpd_log_access_permit_actions. */
  readonly loggedPermits?: readonly string[]
  /** Each list as in main.cf; missing = empty. Relay and recipient lists are never both without an end. */
  readonly restrictions: Readonly<Partial<Record<Stage, string>>>
  /** smtpd_restriction_classes with the list of each. */
  readonly restrictionClasses?: Readonly<Record<string, string>>
  readonly codes?: Partial<PolicyCodes>
  /** smtpd_delay_reject. Default yes: client, helo and sender lists are asked at RCPT. */
  readonly delayReject?: 'yes' | 'no'
  /** smtpd_reject_unlisted_recipient. Default yes. */
  readonly rejectUnlistedRecipient?: 'yes' | 'no'
  /** smtpd_reject_unlisted_sender. Default no. */
  readonly rejectUnlistedSender?: 'yes' | 'no'
  readonly recipientDelimiter?: string
  /** smtpd_null_access_lookup_key. Default `<>`. */
  readonly nullSenderKey?: string
  /** smtpd_relay_before_recipient_restrictions. Default yes. */
  readonly relayBeforeRecipient?: 'yes' | 'no'
  readonly services?: Partial<PolicyServiceOptions>
  readonly lists?: DnsListOptions
  /** rbl_reply_maps. */
  readonly rblReplyMaps?: readonly string[]
  /** smtpd_sender_login_maps. */
  readonly senderLoginMaps?: readonly string[]
  /** smtpd_tls_fingerprint_digest. Default sha256. */
  readonly fingerprintDigest?: string
  /** relay_clientcerts: fingerprints that permit_tls_clientcerts lets in. */
  readonly relayClientCertificates?: readonly string[]
  readonly posters?: PosterOptions
  readonly unverified?: Readonly<Partial<Record<'sender' | 'recipient', UnverifiedSettings>>>
  /** Where this machine can be reached, for permit_inet_interfaces and permit_mx_backup. */
  readonly ownAddresses?: () => readonly string[]
  readonly ownNames?: readonly string[]
  /** permit_mx_backup_networks; empty: any primary. */
  readonly mxBackupNetworks?: readonly string[]
  readonly parentMatchesSubdomains?: 'yes' | 'no'
}

/** Postfix 3.7's defaults, but that strangers are told 554 at once instead of 454. */
export const defaultRestrictions: Readonly<Partial<Record<Stage, string>>> = {
  relay: 'permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination',
}
