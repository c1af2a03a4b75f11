import type { Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import type { Answer } from '@posthorn/smtp'
import type { LookupTable, Tables } from '../tables/index.ts'
import type { AddressVerifier } from '../verify/index.ts'
import type { AddressBook } from './address-book.ts'
import type { DnsLists } from './dns-lists.ts'
import type { Greylist } from './greylist/greylist.ts'
import type { NetworkList } from './networks.ts'
import type { PermitLog } from './permit-log.ts'
import type { PolicyCodes, UnverifiedSettings } from './policy-options.ts'
import type { PolicyServices } from './policy-service.ts'
import type { PolicyRequest, Stage, Subject } from './request.ts'
import type { Verdict } from './verdict.ts'

/** What restrictions are made with. */
export interface PolicyParts {
  readonly tables: Tables
  readonly dns: Resolver
  readonly addresses: AddressBook
  readonly greylist: Greylist
  readonly codes: PolicyCodes
  readonly log: Log
  readonly now: () => number
  readonly recipientDelimiter: string
  /** smtpd_null_access_lookup_key. */
  readonly nullSenderKey: string
  /** parent_domain_matches_subdomains lists smtpd_access_maps. */
  readonly parentMatchesSubdomains: 'yes' | 'no'
  readonly services: PolicyServices
  readonly lists: DnsLists
  /** undefined: nobody probes, and every address is taken for good. */
  readonly verifier: AddressVerifier | undefined
  readonly unverified: Readonly<Record<'sender' | 'recipient', UnverifiedSettings>>
  /** smtpd_sender_login_maps. */
  readonly loginMaps: readonly LookupTable[]
  /** smtpd_reject_unlisted_recipient. */
  readonly unlistedRecipients: 'refused' | 'taken'
  /** relay_clientcerts. */
  readonly clientCertificates: readonly LookupTable[]
  /** smtpd_tls_fingerprint_digest. */
  readonly fingerprintDigest: string
  /** Whether an address, or a mail server's name, is this machine's; inet_interfaces and proxy_interfaces. */
  readonly isOwnAddress: (address: string) => boolean
  readonly isOwnName: (name: string) => boolean
  /** permit_mx_backup_networks; undefined: not set, any primary will do. */
  readonly mxBackupNetworks: NetworkList | undefined
  /** smtpd_log_access_permit_actions; undefined: none is logged. */
  readonly permits: PermitLog | undefined
  /** What each restriction says goes to the log. */
  readonly verdicts: 'logged' | 'not logged'
  /** Carries out an access(5) table's answer. */
  readonly act: AccessAction
}

export type AccessAction = (
  action: string,
  table: LookupTable,
  key: string,
  subject: Subject,
  request: PolicyRequest,
  depth: number,
) => Answer<Verdict>

/** Asked with the list's own subject; `depth` counts tables and classes that named this one. */
export type Check = (request: PolicyRequest, subject: Subject, depth: number) => Answer<Verdict>

/**
 * One restriction of postconf(5). To add one: write its file here beside the others, name it in
 * `index.ts`; that is all.
 */
export interface Restriction {
  /** The first is shown; others are old names that Postfix still takes. */
  readonly names: readonly string[]
  /** What must follow the name. */
  readonly argument?: 'table' | 'zone' | 'policy service' | 'number of seconds'
  /** What it looks up in its table: named when the table has no answer. */
  readonly about?: (request: PolicyRequest) => Subject
  /** Keeps strangers from relaying: a configuration without any such is refused. */
  readonly closesRelay?: true
  /** Makes the check once, when the configuration is read. Throws TableError. */
  make(parts: PolicyParts, argument: string): Check
}

export function restriction(definition: Restriction): Restriction {
  return definition
}

/** Which access table a bare `hash:/x` in a list means. */
export const tableRestrictionOf: Readonly<Record<Stage, string>> = {
  client: 'check_client_access',
  helo: 'check_helo_access',
  sender: 'check_sender_access',
  relay: 'check_recipient_access',
  recipient: 'check_recipient_access',
  data: 'check_recipient_access',
  end_of_data: 'check_recipient_access',
  etrn: 'check_etrn_access',
}
