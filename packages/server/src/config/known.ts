import { closestName } from './did-you-mean.ts'
import { dovecotParameters, postfixParameters } from './known-parameters.generated.ts'
import { parameters } from './schema/schema.ts'

/** Any transport of master.cf gives these to main.cf: `slow_destination_rate_delay`. */
const transportSuffix =
  /^[a-z0-9-]+_(?:destination_(?:concurrency_(?:limit|failed_cohort_limit|negative_feedback|positive_feedback)|rate_delay|recipient_limit)|initial_destination_concurrency|transport_rate_delay|delivery_slot_(?:cost|discount|loan)|minimum_delivery_slots|extra_recipient_limit|recipient_limit|recipient_refill_(?:delay|limit)|time_limit|delivery_status_filter)$/

/** What to use for a real parameter that we do not have. */
const instead: Readonly<Record<string, string>> = {
  virtual_mailbox_domains: 'add the domains by `posthorn domain add`',
  virtual_mailbox_maps: 'accounts are made by `posthorn user add`',
  virtual_mailbox_base: 'mail is kept in the store',
  virtual_uid_maps: 'mail is kept in the store',
  virtual_gid_maps: 'mail is kept in the store',
  virtual_transport: 'mail for accounts goes to the store',
  mailbox_command: 'mail for accounts goes to the store',
  mailbox_transport: 'mail for accounts goes to the store',
  mail_privileged_group: 'mail is kept in the store',
  mail_access_groups: 'mail is kept in the store',
  virtual_maps: 'use virtual_alias_maps',
  first_valid_uid: 'accounts are no system users',
  mail_uid: 'accounts are no system users',
  mail_gid: 'accounts are no system users',
  smtpd_tls_session_cache_database: 'TLS sessions are kept in memory and tickets',
  smtp_tls_session_cache_database: 'TLS sessions are kept in memory',
  ssl_dh: 'only ECDHE is offered',
  smtpd_tls_dh1024_param_file: 'only ECDHE is offered',
  log_path: 'use maillog_file',
  mail_debug: 'use log_level = debug',
  auth_debug: 'use log_level = debug',
  base_dir: 'use data_directory',
}

/** 'Postfix' or 'Dovecot' for a real parameter of theirs that we do not have. */
export function foreignOwner(name: string): 'Postfix' | 'Dovecot' | undefined {
  if (postfixParameters.has(name) || transportSuffix.test(name)) return 'Postfix'
  return dovecotParameters.has(name) ? 'Dovecot' : undefined
}

export function unusedText(name: string, owner: string): string {
  const remedy = instead[name]
  return `${name}: known to ${owner}, not used by Posthorn${remedy === undefined ? '' : `: ${remedy}`}`
}

/** `unknown parameter "inet_interface"; did you mean "inet_interfaces"?` */
export function unknownText(name: string): string {
  const close =
    closestName(name, [...parameters.keys()]) ??
    closestName(name, [...postfixParameters, ...dovecotParameters])
  return `unknown parameter "${name}"${close === undefined ? '' : `; did you mean "${close}"?`}`
}
