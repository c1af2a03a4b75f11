import { postfix } from './parameter.ts'

const seconds = (fallback: string, doc: string) => ({
  type: 'time' as const,
  default: fallback,
  unit: 's' as const,
  doc,
})
const tlsLevels = [
  '',
  'none',
  'may',
  'encrypt',
  'dane',
  'dane-only',
  'fingerprint',
  'verify',
  'secure',
] as const

/** How we talk to other servers. */
export const client = {
  smtp_helo_name: postfix({ type: 'string', default: '$myhostname', doc: 'The name said in EHLO.' }),
  smtp_bind_address: postfix({ type: 'string', default: '', doc: 'The IPv4 address that mail leaves from.' }),
  smtp_bind_address6: postfix({
    type: 'string',
    default: '',
    doc: 'The IPv6 address that mail leaves from.',
  }),
  smtp_address_preference: postfix({
    type: 'choice',
    values: ['any', 'ipv4', 'ipv6'],
    default: 'any',
    doc: 'Which kind of address is tried first when a host has both.',
  }),
  smtp_randomize_addresses: postfix({
    effect: 'later',
    type: 'boolean',
    default: 'yes',
    doc: 'Try MX hosts of the same preference in random order.',
  }),
  smtp_mx_address_limit: postfix({
    effect: 'later',
    type: 'integer',
    default: '5',
    doc: 'Addresses tried in one delivery. 0 = no limit.',
  }),
  smtp_mx_session_limit: postfix({
    effect: 'later',
    type: 'integer',
    default: '2',
    doc: 'Sessions tried in one delivery. 0 = no limit.',
  }),
  smtp_tcp_port: postfix({
    type: 'string',
    default: 'smtp',
    doc: 'The port of other servers, by name or number.',
  }),
  smtp_connect_timeout: postfix(
    seconds('30s', 'How long a connection may take to open. 0 = as long as the system waits.'),
  ),
  smtp_helo_timeout: postfix(
    seconds('300s', 'How long to wait for the greeting and for the answer to EHLO.'),
  ),
  smtp_mail_timeout: postfix(seconds('300s', 'How long to wait for the answer to MAIL FROM.')),
  smtp_rcpt_timeout: postfix(seconds('300s', 'How long to wait for the answer to RCPT TO.')),
  smtp_data_init_timeout: postfix(seconds('120s', 'How long to wait for the answer to DATA.')),
  smtp_data_xfer_timeout: postfix(seconds('180s', 'How long a piece of a message may take.')),
  smtp_data_done_timeout: postfix(seconds('600s', 'How long to wait for the answer to the final dot.')),
  smtp_quit_timeout: postfix({
    ...seconds('300s', 'How long to wait for the answer to QUIT.'),
    effect: 'later',
  }),
  smtp_rset_timeout: postfix(seconds('20s', 'How long to wait for the answer to RSET.')),
  smtp_starttls_timeout: postfix({
    ...seconds('300s', 'How long STARTTLS and the handshake may take.'),
    effect: 'later',
  }),
  smtp_connection_reuse_time_limit: postfix({
    ...seconds('300s', 'How long a connection is used again.'),
    effect: 'later',
  }),
  smtp_connection_cache_time_limit: postfix({
    ...seconds('2s', 'How long an idle connection is kept.'),
    effect: 'later',
  }),
  smtp_tls_security_level: postfix({
    type: 'choice',
    values: tlsLevels,
    default: 'may',
    doc: '`may`: TLS when offered; `none`; `encrypt`: not without; `verify`, `secure`: with a certificate that fits. (Default of Postfix: none.)',
  }),
  smtp_use_tls: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'The old name of smtp_tls_security_level = may; read when that is not set.',
  }),
  smtp_enforce_tls: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'The old name of smtp_tls_security_level = encrypt.',
  }),
  smtp_tls_CAfile: postfix({
    effect: 'later',
    type: 'file',
    default: '',
    doc: 'Certificates of authorities trusted beside those of the system.',
  }),
  smtp_tls_policy_maps: postfix({
    effect: 'later',
    type: 'tables',
    default: '',
    doc: 'Destination → TLS level.',
  }),
  smtp_tls_wrappermode: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Begin with TLS at once (port 465 of a relay host).',
  }),
  smtp_sasl_auth_enable: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Log in at other servers, with smtp_sasl_password_maps.',
  }),
  smtp_sasl_password_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Host or relayhost as written → user:password. The file must not be readable by others.',
  }),
  smtp_sasl_security_options: postfix({
    type: 'list',
    default: 'noplaintext, noanonymous',
    doc: 'Mechanisms not used: noplaintext, noanonymous.',
  }),
  smtp_sasl_tls_security_options: postfix({
    effect: 'later',
    type: 'list',
    default: 'noanonymous',
    doc: 'The same once TLS is on. (Default of Postfix: $smtp_sasl_security_options.)',
  }),
  smtp_sasl_mechanism_filter: postfix({
    effect: 'later',
    type: 'list',
    default: '',
    doc: 'Mechanisms used, if not all.',
  }),
  smtp_generic_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Rewrites our addresses when mail leaves (generic(5)).',
  }),
  smtp_host_lookup: postfix({
    effect: 'later',
    type: 'list',
    default: 'dns',
    doc: 'How host names are looked up: dns, native.',
  }),
  disable_dns_lookups: postfix({
    effect: 'later',
    type: 'boolean',
    default: 'no',
    doc: 'Look no MX up; the names of hosts come from the system.',
  }),
  ignore_mx_lookup_error: postfix({
    effect: 'later',
    type: 'boolean',
    default: 'no',
    doc: 'Take a failing MX look-up for none.',
  }),
  smtp_line_length_limit: postfix({
    type: 'integer',
    default: '998',
    doc: 'Longer lines are broken when sent.',
  }),
  smtp_skip_5xx_greeting: postfix({
    effect: 'later',
    type: 'boolean',
    default: 'yes',
    doc: 'A host that greets with 5yz is passed over, not believed.',
  }),
  smtp_address_verify_target: postfix({
    effect: 'later',
    type: 'choice',
    values: ['rcpt', 'data'],
    default: 'rcpt',
    doc: 'How far a probe of an address goes.',
  }),
} as const
