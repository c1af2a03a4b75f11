/** What to use for a real parameter that we do not have, or why nothing is needed. */
const exact: Readonly<Record<string, string>> = {
  virtual_mailbox_domains: 'add the domains by `posthorn domain add`',
  virtual_mailbox_maps: 'accounts are made by `posthorn user add`',
  virtual_maps: 'use virtual_alias_maps',
  mail_privileged_group: 'mail is kept in the store',
  mail_access_groups:
    'there is no spool to share: all mail is in the store, which belongs to the server; remove the line',
  first_valid_uid: 'accounts are no system users',
  mail_uid: 'accounts are no system users',
  mail_gid: 'accounts are no system users',
  ssl_dh: 'only ECDHE is offered',
  log_path: 'use maillog_file',
  mail_debug: 'use log_level = debug',
  auth_debug: 'use log_level = debug',
  base_dir: 'use data_directory',
  content_filter: 'use smtpd_milters, or transport_maps to send mail through a filter',
  receive_override_options: 'set header_checks and the like for the service in master.cf by -o',
  smtpd_proxy_filter: 'use smtpd_milters',
  maps_rbl_domains: 'use reject_rbl_client in smtpd_recipient_restrictions',
  best_mx_transport: 'name the domain in mydestination or relay_domains',
  proxy_interfaces: 'name the outside address in mydestination as [192.0.2.1]',
  relay_clientcerts: 'clients log in by SASL (smtpd_sasl_auth_enable)',
  owner_request_special: 'owner- and -request aliases are looked up as they are',
  reset_owner_alias: 'the owner of the outermost alias counts',
  frozen_delivered_to: 'Delivered-To is looked at once',
  transport_retry_time: 'tables are in memory: there is nothing to retry',
  header_address_token_limit:
    'addresses of a header are rewritten in one pass of bounded cost; nothing is discarded',
  pop3_lock_session: 'always yes: one POP3 session of an account at a time ([IN-USE])',
  stress: 'limits by client and the oldest idle stranger going first protect a busy server',
  debugger_command: 'node --inspect',
  disable_verp_bounces: 'VERP is asked for by whoever sends',
  smtputf8_enable: 'SMTPUTF8 is always offered',
  undisclosed_recipients_header: 'no header is added for hidden recipients',
  process_id_directory: 'the process is in $data_directory/posthorn.pid',
  hash_queue_names: 'the queue is part of the store',
  hash_queue_depth: 'the queue is part of the store',
  lmdb_map_size: 'tables are read from their text; the store grows by itself',
  openssl_path: 'TLS is part of Node.js',
  message_drop_headers: 'use header_checks with IGNORE; Bcc is removed from submissions',
  mailbox_delivery_lock: 'the store needs no lock files',
  virtual_mailbox_lock: 'the store needs no lock files',
  strict_mailbox_ownership: 'mail is kept in the store',
  in_flow_delay: 'limits by client slow down who sends too much',
  require_home_directory: 'home_directory may be missing: only .forward is read there',
  local_command_shell: 'commands of aliases are started without a shell',
  swap_bangpath: 'a!b is an address as it stands',
  allow_percent_hack: 'a%b is an address as it stands',
  alternate_config_directories: 'any folder may be named by -c',
  smtp_sasl_type: 'the client has its own SASL mechanisms',
  smtp_sasl_path: 'the client has its own SASL mechanisms',
  cyrus_sasl_config_path: 'SASL is built in; accounts are in the store',
  send_cyrus_sasl_authzid: 'SASL is built in',
  enable_idna2003_compatibility: 'names follow IDNA 2008',
  import_environment: 'the server hands no environment on but PATH',
  export_environment: 'commands of aliases get a small environment of their own',
}

/** By the beginning or the end of a name, the first that fits. */
const families: readonly (readonly [RegExp, string])[] = [
  [/^(?:virtual_mailbox_|virtual_[ug]id_|virtual_minimum_uid)/, 'mail for accounts is kept in the store'],
  [
    /_delivery_slot_|_recipient_refill_|_extra_recipient_limit|_minimum_delivery_slots|^qmgr_|^default_recipient_limit/,
    'the queue is shared fairly between destinations without such numbers',
  ],
  [
    /_destination_concurrency_(?:failed|negative|positive)|destination_concurrency_feedback/,
    'a destination that fails is tried less by backoff (minimal_backoff_time)',
  ],
  [
    /_destination_(?:concurrency_limit|recipient_limit|rate_delay)$|_initial_destination_concurrency$|_transport_rate_delay$/,
    'default_destination_concurrency_limit and default_destination_rate_delay hold for this transport',
  ],
  [/_recipient_limit$/, 'default_destination_recipient_limit holds for this transport'],
  [/_time_limit$/, 'command_time_limit holds for every command'],
  [/_service_name$|^service_name$|^process_(?:id|name)$/, 'the services are no processes of their own'],
  [
    /^(?:max_idle|max_use|ipc_|daemon_|fork_|service_throttle|trigger_timeout|application_event|stale_lock|deliver_lock|postlogd_)/,
    'the services are no processes of their own',
  ],
  [/^multi_instance_|^postmulti_/, 'another instance is another main.cf (-c, POSTHORN_CONFIG)'],
  [/^qmqpd_/, 'QMQP is not spoken: its clients can speak SMTP'],
  [/^tlsproxy_/, 'TLS is part of each session: use smtpd_tls_ and smtp_tls_'],
  [
    /^(?:postscreen_|dnsblog_)/,
    'the early tests are part of each session: see smtpd_greet_wait, smtpd_forbid_unauth_pipelining and reject_rbl_client',
  ],
  [/^berkeley_db_|^proxy_(?:read|write)_maps|^daemon_table/, 'tables are read from their text into memory'],
  [
    /^tls_random_|^tls_daemon_random|^tls_(?:high|medium|low|export|null)_cipherlist|^tls_(?:eecdh|preempt|disable_work|ssl_options|session_ticket|config_|legacy|fast_shut|append_default|export)/,
    'TLS is that of Node.js, with its ciphers and curves; --tls-cipher-list in NODE_OPTIONS changes them',
  ],
  [
    /_tls_(?:mandatory_)?(?:exclude_)?ciphers$|_tls_(?:eecdh_grade|dh\d+_param_file)$/,
    'the ciphers are those of Node.js; only ECDHE is offered',
  ],
  [/_tls_d(?:cert|key)_file$/, 'DSA certificates are not used'],
  [
    /_tls_ec(?:cert|key)_file$|_tls_chain_files$/,
    'name an RSA or an ECDSA pair by the _cert_file and _key_file parameters',
  ],
  [/_tls_session_cache|_tls_always_issue/, 'TLS sessions are kept in memory and tickets'],
  [
    /_ccert|_tls_CA(?:file|path)$|_fingerprint_digest$/,
    'certificates of clients are not asked for: they log in by SASL',
  ],
  [/_tls_(?:per_site|enforce_peername)$/, 'use smtp_tls_policy_maps'],
  [/^smtp_tls_|^tls_/, 'TLS policies by destination are in smtp_tls_policy_maps'],
  [/^lmtp_/, 'LMTP knows it no more than SMTP does here'],
  [/_pix_workaround/, 'firewalls of that kind are gone'],
  [/_dns_reply_filter$|_dns_resolver_options$|^dns/, 'DNS is asked through the resolver of this machine'],
  [
    /_delivery_status_filter$|_reply_filter$|_command_filter$|_expansion_filter$/,
    'what is said is passed on as it was',
  ],
  [
    /_connection_cache_|^connection_cache_|_connection_reuse_/,
    'connections are kept for smtp_connection_cache_time_limit',
  ],
  [/^address_verify_/, 'probes go the way of mail; see address_verify_map'],
  [/^milter_/, 'see smtpd_milters'],
  [
    /^(?:message_(?:reject|strip)|strict_|disable_mime|detect_8bit|cleanup_replace|internal_mail_filter)/,
    'a message is kept as it came, octet for octet',
  ],
  [
    /^(?:smtpd_authorized_x|smtp_send_xforward|smtp_xforward)/,
    'use the PROXY protocol (haproxy_trusted_networks)',
  ],
  [/verp/, 'VERP is asked for by sendmail -XV or the client'],
  [
    /^resolve_|^empty_address_|^sun_|^backwards_|^remote_header_|^helpful_|^respectful_|^header_from_|^dont_remove|^queue_file_/,
    'only what it is by default is done',
  ],
  [/_template_file$/, 'the text of reports is fixed'],
]

/** undefined: there is nothing to say. */
export function adviceFor(name: string): string | undefined {
  return exact[name] ?? families.find(([pattern]) => pattern.test(name))?.[1]
}

/** For what no rule knows: it is said all the same that nothing happens. */
export const noAdvice = 'it has no counterpart here'
