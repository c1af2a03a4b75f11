/** What to use for a real parameter that we do not have, or why nothing is needed. */
const exact: Readonly<Record<string, string>> = {
  mail_privileged_group: 'mail is kept in the store',
  mail_access_groups:
    'there is no spool to share: all mail is in the store, which belongs to the server; remove the line',
  mail_uid: 'accounts are no system users',
  mail_gid: 'accounts are no system users',
  ssl_dh: 'only ECDHE is offered',
  log_path: 'use maillog_file',
  mail_debug: 'use log_level = debug',
  auth_debug: 'use log_level = debug',
  base_dir: 'use data_directory',
  maps_rbl_domains: 'use reject_rbl_client in smtpd_recipient_restrictions',
  best_mx_transport: 'name the domain in mydestination or relay_domains',
  reset_owner_alias: 'the owner of the outermost alias counts',
  frozen_delivered_to: 'Delivered-To is looked at once',
  transport_retry_time: 'tables are in memory: there is nothing to retry',
  header_address_token_limit:
    'addresses of a header are rewritten in one pass of bounded cost; nothing is discarded',
  pop3_lock_session: 'always yes: one POP3 session of an account at a time ([IN-USE])',
  disable_verp_bounces: 'VERP is asked for by whoever sends',
  process_id_directory: 'the process is in $data_directory/posthorn.pid',
  hash_queue_names: 'the queue is part of the store',
  hash_queue_depth: 'the queue is part of the store',
  lmdb_map_size: 'tables are read from their text; the store grows by itself',
  openssl_path: 'TLS is part of Node.js',
  mailbox_delivery_lock: 'the store needs no lock files',
  virtual_mailbox_lock: 'the store needs no lock files',
  virtual_mailbox_limit:
    'it bounds a file, which with Maildirs is a message: message_size_limit; mailbox_size_limit bounds every account, `posthorn user quota` a single one',
  smtp_tls_connection_reuse:
    'kept connections are used again under TLS, too: see smtp_connection_cache_destinations',
  forward_expansion_filter: 'an extension stands in forward_path only where it is a plain file name',
  strict_smtputf8: 'mail that needs SMTPUTF8 is never passed on without it',
  strict_mailbox_ownership: 'mail is kept in the store',
  in_flow_delay: 'limits by client slow down who sends too much',
  alternate_config_directories: 'any folder may be named by -c',
  smtp_sasl_type: 'the client has its own SASL mechanisms',
  smtp_sasl_path: 'the client has its own SASL mechanisms',
  cyrus_sasl_config_path: 'SASL is built in; accounts are in the store',
  send_cyrus_sasl_authzid: 'SASL is built in',
  enable_idna2003_compatibility: 'names follow IDNA 2008',
  postscreen_cache_cleanup_interval: 'what is too old goes when the file is written anew',
  postscreen_cache_retention_time: 'what is too old goes when the file is written anew',
  address_verify_cache_cleanup_interval: 'what is too old goes when the file is written anew',
  fast_flush_purge_time: 'the queue itself knows the destinations',
  fast_flush_refresh_time: 'the queue itself knows the destinations',
  known_tcp_ports: 'write the number',
  mail_release_date: 'see postconf mail_version',
  meta_directory: 'the program is one folder',
  shlib_directory: 'the program is one folder',
  sendmail_fix_line_endings: 'line ends are mended in any case',
  smtp_cname_overrides_servername: 'always no',
  smtp_quote_rfc821_envelope: 'always yes',
  smtp_sasl_auth_cache_name: 'use smtp_sasl_auth_soft_bounce',
  smtp_sasl_auth_cache_time: 'use smtp_sasl_auth_soft_bounce',
  smtp_sasl_tls_verified_security_options: 'use smtp_sasl_tls_security_options',
  smtp_skip_quit_response: 'always yes',
  smtpd_delay_open_until_valid_rcpt: 'always yes',
  smtpd_history_flush_threshold: 'a transcript (notify_classes) is sent when its session ends',
  force_mime_input_conversion: 'a message is kept as it came; it is converted where the next server needs it',
  full_name_encoding_charset: 'names are taken as UTF-8',
  socketmap_max_reply_size: 'always 100,000 octets',
  tls_required_enable: 'always yes: TLS-Required: No is honoured',
  requiretls_enable: 'always yes: REQUIRETLS is offered over TLS',
  smtpd_reject_filter_maps: 'use smtpd_reject_footer_maps to add to what is said',
  smtputf8_autodetect_classes: 'what needs SMTPUTF8 is seen in its addresses and header',
  tcp_windowsize: 'the system chooses it',
  mail_home: 'mail is kept in the store; home_directory is where .forward is read',
  mail_plugins: 'quota, ACL and full text search are built in',
  imap_hibernate_timeout: 'idle sessions cost a few kilobytes as they are',
  imap_metadata: 'METADATA is always there',
  login_trusted_networks:
    'use haproxy_trusted_networks for proxies, mynetworks for clients that no limit binds',
  auth_username_format: 'names are folded to lower case; the domain is auth_default_realm when there is none',
  lda_mailbox_autocreate: 'mailboxes of addresses with extensions are never made by mail',
  postmaster_address: 'use administrator',
  auth_username_chars: 'any name that is an address',
  login_log_format_elements: 'user, method, rip, lip, TLS and session are logged',
  mail_log_prefix: 'lines begin with the service and the user',
  ssl_require_crl: 'revocation lists in ssl_ca are checked when there are any',
  verbose_ssl: 'use smtpd_tls_loglevel; handshakes that fail are always logged',
  auth_cache_size: 'use auth_cache_ttl; the cache is bounded',
}

/** Of the patch VDA, which guides of some years take for Postfix. */
const ofPatches =
  /^(?:virtual_mailbox_limit_(?:maps|inbox|override)|virtual_maildir_(?:extended|limit_message|limit_message_maps|suffix|filter|filter_maps)|virtual_create_maildirsize|virtual_overquota_bounce|virtual_trash_(?:count|name))$/

export const isOfPatch = (name: string): boolean => ofPatches.test(name)

/** By the beginning or the end of a name, the first that fits. */
const families: readonly (readonly [RegExp, string])[] = [
  [ofPatches, 'mailbox_size_limit bounds every account, `posthorn user quota` a single one'],
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
    'strangers are tested within the session that serves them: use the smtpd_ parameter of that name (smtpd_helo_required, smtpd_reject_footer …)',
  ],
  [/^berkeley_db_|^proxy_(?:read|write)_maps|^daemon_table/, 'tables are read from their text into memory'],
  [
    /^tls_random_|^tls_daemon_random|^tls_(?:low|export|null)_cipherlist|^tls_(?:eecdh|disable_work|ssl_options|session_ticket|config_|legacy|fast_shut|append_default|export)/,
    'TLS is that of Node.js, with its ciphers and curves; --tls-cipher-list in NODE_OPTIONS changes them',
  ],
  [/_tls_(?:eecdh_grade|dh\d+_param_file)$/, 'the curves are those of Node.js; only ECDHE is offered'],
  [/_tls_d(?:cert|key)_file$/, 'DSA certificates are not used'],
  [/_tls_enable_rpk$/, 'raw public keys are no part of the TLS of Node.js'],
  [/_tls_session_cache|_tls_always_issue/, 'TLS sessions are kept in memory and tickets'],
  [
    /_ccert|_tls_CA(?:file|path)$|_fingerprint_digest$/,
    'use smtpd_tls_ask_ccert, smtpd_tls_CAfile and smtpd_tls_fingerprint_digest',
  ],
  [/_tls_(?:per_site|enforce_peername)$/, 'use smtp_tls_policy_maps'],
  [/^smtp_tls_|^tls_/, 'TLS policies by destination are in smtp_tls_policy_maps'],
  [/^lmtp_/, 'LMTP knows it no more than SMTP does here'],
  [/_dns_reply_filter$|_dns_resolver_options$|^dns/, 'DNS is asked through the resolver of this machine'],
  [/_expansion_filter$/, 'what is said is passed on as it was'],
  [/^connection_cache_/, 'each process keeps its connections itself, see smtp_connection_cache_destinations'],
  [/^address_verify_/, 'see address_verify_map and double_bounce_sender'],
  [/^milter_/, 'see smtpd_milters'],
  [/^(?:strict_|disable_mime|detect_8bit|cleanup_replace)/, 'a message is kept as it came, octet for octet'],
  [/verp/, 'VERP is asked for by sendmail -XV or the client'],
  [
    /^resolve_|^sun_|^backwards_|^helpful_|^respectful_|^dont_remove|^queue_file_/,
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
