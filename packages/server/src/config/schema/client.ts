import { postfix, posthorn } from './parameter.ts'

const seconds = (fallback: string, doc: string) => ({
  type: 'time' as const,
  default: fallback,
  unit: 's' as const,
  doc,
})

/** How we talk to other servers. */
export const client = {
  smtp_helo_name: postfix({ type: 'string', default: '$myhostname', doc: 'The name said in EHLO.' }),
  smtp_bind_address: postfix({ type: 'string', default: '', doc: 'The IPv4 address that mail leaves from.' }),
  smtp_bind_address6: postfix({
    type: 'string',
    default: '',
    doc: 'The IPv6 address that mail leaves from.',
  }),
  smtp_bind_address_enforce: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Mail waits when this machine does not have smtp_bind_address or smtp_bind_address6. No: it leaves from another address, and the log says so.',
  }),
  smtp_address_preference: postfix({
    type: 'choice',
    values: ['any', 'ipv4', 'ipv6'],
    default: 'any',
    doc: 'Which kind of address is tried first when a host has both.',
  }),
  smtp_randomize_addresses: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'Try MX hosts of the same preference in random order.',
  }),
  smtp_mx_address_limit: postfix({
    type: 'integer',
    default: '5',
    doc: 'Addresses tried in one delivery. 0 = no limit.',
  }),
  smtp_mx_session_limit: postfix({
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
  smtp_per_request_deadline: postfix({
    type: 'boolean',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    default: '${smtp_per_record_deadline?{$smtp_per_record_deadline}:{no}}',
    doc: 'Whether smtp_data_xfer_timeout bounds a whole message, and what has been sent at smtp_min_data_rate adds to it. No: it is for each piece. Commands and replies have one time limit in either case.',
  }),
  smtp_min_data_rate: postfix({
    type: 'integer',
    default: '500',
    min: 1,
    doc: 'Octets a second that a server must take with smtp_per_request_deadline = yes.',
  }),
  smtp_data_done_timeout: postfix(seconds('600s', 'How long to wait for the answer to the final dot.')),
  smtp_quit_timeout: postfix({
    ...seconds('300s', 'How long to wait for the answer to QUIT.'),
  }),
  smtp_rset_timeout: postfix(seconds('20s', 'How long to wait for the answer to RSET.')),
  smtp_starttls_timeout: postfix({
    ...seconds('300s', 'How long STARTTLS and the handshake may take.'),
  }),
  smtp_connection_reuse_time_limit: postfix({
    ...seconds('300s', 'How long a connection is used again.'),
  }),
  smtp_connection_cache_time_limit: postfix({
    ...seconds('2s', 'How long an idle connection is kept; no longer than connection_cache_ttl_limit.'),
  }),
  connection_cache_ttl_limit: postfix({
    ...seconds('2s', 'The longest time that any transport keeps an idle connection.'),
  }),
  smtp_generic_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Rewrites our addresses when mail leaves (generic(5)).',
  }),
  smtp_host_lookup: postfix({
    type: 'list',
    default: 'dns',
    doc: 'How host names are looked up: dns, native.',
  }),
  disable_dns_lookups: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Look no MX up; the names of hosts come from the system.',
  }),
  use_srv_lookup: postfix({
    type: 'list',
    default: '',
    doc: 'Services whose servers are looked up by SRV records (RFC 2782): `submission` for relayhost = example.net:submission. (Of Postfix 3.8.)',
  }),
  allow_srv_lookup_fallback: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Without SRV records, or without an answer about them, look MX records and addresses up.',
  }),
  ignore_srv_lookup_error: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'The same without an answer only.',
  }),
  ignore_mx_lookup_error: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Take a failing MX look-up for none.',
  }),
  smtp_line_length_limit: postfix({
    type: 'integer',
    default: '998',
    doc: 'Longer lines are broken when sent.',
  }),
  smtp_pix_workarounds: postfix({
    type: 'list',
    default: 'disable_esmtp,delay_dotcrlf',
    doc: 'What is done for firewalls that garble greetings (`220 *****`): disable_esmtp, delay_dotcrlf.',
  }),
  smtp_pix_workaround_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Address of a server → smtp_pix_workarounds for it.',
  }),
  smtp_pix_workaround_threshold_time: postfix(
    seconds('500s', 'How long mail must have waited before delay_dotcrlf is tried.'),
  ),
  smtp_pix_workaround_delay_time: postfix(
    seconds('10s', 'How long delay_dotcrlf waits before the final dot.'),
  ),
  smtp_defer_if_no_mx_address_found: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Mail for a domain whose mail servers have no addresses waits. No: it is returned.',
  }),
  default_delivery_status_filter: postfix({
    type: 'tables',
    default: '',
    doc: 'What came of a recipient, `4.2.2 mailbox is full` → the same with another status or text; pattern tables. The default of smtp_, lmtp_, local_, virtual_ and pipe_delivery_status_filter. A success stays a success, a failure a failure.',
  }),
  smtp_delivery_status_filter: postfix({
    type: 'tables',
    default: '$default_delivery_status_filter',
    doc: '`4.7.1 what was said` → the same with another status (4.y.z, 5.y.z) or text. A pattern table.',
  }),
  smtp_dns_reply_filter: postfix({
    type: 'tables',
    default: '',
    doc: 'A pattern table that sees each MX and address record found for mail that leaves, `example.com. 300 IN MX 10 mx.example.com.`; what it answers IGNORE to is left out (all AAAA records of a domain, for instance). Where nothing is left the mail waits.',
  }),
  smtp_reply_filter: postfix({
    type: 'tables',
    default: '',
    doc: 'Each line that a server says → the line that is heard instead; `pcre:` or `regexp:`, for servers that say something other than they mean.',
  }),
  smtp_bdat_minimum_size: posthorn({
    type: 'octets',
    default: '1048576',
    doc: 'From this size on a message goes out by BDAT to servers that offer CHUNKING (RFC 3030), a megabyte at a time: who refuses it does so before all of it has come. 0: never; smtp_discard_ehlo_keywords = chunking for single services. BINARYMIME is not used: every message here has lines, which 8BITMIME carries.',
  }),
  smtp_skip_5xx_greeting: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'A host that greets with 5yz is passed over, not believed.',
  }),
  smtp_balance_inet_protocols: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'With addresses of both kinds try at least one of each within smtp_mx_address_limit.',
  }),
  smtp_connection_reuse_count_limit: postfix({
    type: 'integer',
    default: '0',
    doc: 'How often a connection is used again: with 5 it carries six messages. 0 = no limit but the time.',
  }),
  smtp_connection_cache_on_demand: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'Keep connections for the next message to the same place while one delivery follows the other. No: only to smtp_connection_cache_destinations.',
  }),
  smtp_connection_cache_destinations: postfix({
    type: 'list',
    default: '',
    doc: 'Next hops to which connections are always kept: domains and relay hosts without brackets and port, `private/socket` of `unix:private/socket`, a /file with them, or a table that has them on its left side. A kept connection also carries mail for other domains that has the same server to go to, on the same terms (TLS, certificate, login).',
  }),
  smtp_fallback_relay: postfix({
    type: 'list',
    default: '$fallback_relay',
    doc: 'Hosts tried when the destination does not answer.',
  }),
  smtp_discard_ehlo_keywords: postfix({
    type: 'list',
    default: '',
    doc: 'EHLO keywords of other servers that are not seen.',
  }),
  smtp_discard_ehlo_keyword_address_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Address of a server → EHLO keywords of it that are not seen.',
  }),
  smtp_never_send_ehlo: postfix({ type: 'boolean', default: 'no', doc: 'Say HELO, never EHLO.' }),
  smtp_always_send_ehlo: postfix({
    type: 'boolean',
    default: 'yes',
    effect: 'asked',
    doc: 'EHLO is always said first, unless smtp_never_send_ehlo is set.',
  }),
  smtp_send_xforward_command: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Tell servers that know XFORWARD which client the mail came from.',
  }),
  smtp_xforward_timeout: postfix(seconds('300s', 'How long to wait for the answer to XFORWARD.')),
  smtp_send_dummy_mail_auth: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Add AUTH=<> to MAIL FROM.',
  }),
  disable_mime_output_conversion: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Send 8-bit text as it is to servers without 8BITMIME, too. No: as quoted-printable or base64.',
  }),
  smtp_address_verify_target: postfix({
    type: 'choice',
    values: ['rcpt', 'data'],
    default: 'rcpt',
    doc: 'How far a probe of an address goes.',
  }),
} as const
