import { dovecot, postfix, posthorn } from './parameter.ts'

/** What one client, message or address may cost. */
export const limits = {
  message_size_limit: postfix({
    type: 'octets',
    default: '10240000',
    doc: 'The largest message accepted, in octets; announced as SIZE. 0 = no limit.',
  }),
  mailbox_size_limit: postfix({
    type: 'octets',
    default: '0',
    doc: 'What an account without a quota of its own may hold, in octets. 0 = no limit. (Default of Postfix: 51200000.)',
  }),
  quota_message_count: dovecot({
    type: 'integer',
    default: '0',
    doc: 'Messages that an account without such a limit of its own may hold. 0 = no limit.',
  }),
  queue_minfree: postfix({
    type: 'octets',
    default: '0',
    doc: 'Refuse mail for the time being when the disk has less free space than this, or less than 1.5 times what MAIL FROM announces.',
  }),
  line_length_limit: postfix({
    type: 'integer',
    default: '2048',
    min: 512,
    doc: 'The longest SMTP command line, in octets.',
  }),
  smtpd_sasl_response_limit: postfix({
    type: 'integer',
    default: '12288',
    min: 12_288,
    doc: 'The longest answer of an SMTP client to a challenge of AUTH, in octets of base64; also the longest AUTH line with an initial response, where line_length_limit is lower. Bigger tickets and tokens need more.',
  }),
  header_size_limit: postfix({
    type: 'octets',
    default: '102400',
    doc: 'The header of a message is looked at up to here.',
  }),
  mime_nesting_limit: postfix({
    type: 'integer',
    default: '100',
    min: 1,
    doc: 'Where header_checks or body_checks look at mail, it is refused when its parts stand in each other deeper than this.',
  }),
  mime_boundary_length_limit: postfix({
    type: 'integer',
    default: '2048',
    doc: 'The longest MIME boundary looked at.',
  }),
  hopcount_limit: postfix({
    type: 'integer',
    default: '50',
    min: 1,
    doc: 'Mail with more Received fields than this is in a loop and is returned.',
  }),
  smtpd_recipient_limit: postfix({
    type: 'integer',
    default: '1000',
    min: 1,
    doc: 'Recipients of one message; the next gets 452.',
  }),
  smtpd_recipient_overshoot_limit: postfix({
    type: 'integer',
    default: '1000',
    doc: 'Recipients beyond smtpd_recipient_limit before they count as errors.',
  }),
  smtpd_error_sleep_time: postfix({
    type: 'time',
    default: '1s',
    unit: 's',
    doc: 'Pause before an error reply, once a client has made smtpd_soft_error_limit errors.',
  }),
  smtpd_soft_error_limit: postfix({
    type: 'integer',
    default: '10',
    doc: 'Errors of a client before replies slow down.',
  }),
  stress: postfix({
    type: 'string',
    default: '',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    doc: 'Set by the server itself, for `${stress?{x}:{y}}`, while nearly all connections are taken: then smtpd_timeout, smtpd_hard_error_limit and smtpd_junk_command_limit may be others.',
  }),
  smtpd_hard_error_limit: postfix({
    type: 'integer',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    default: '${stress?{1}:{20}}',
    doc: 'Errors of a client before it is disconnected.',
  }),
  smtpd_junk_command_limit: postfix({
    type: 'integer',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    default: '${stress?{1}:{100}}',
    doc: 'NOOP, VRFY, ETRN and RSET of a client, without mail between, before they count as errors.',
  }),
  smtpd_client_connection_count_limit: postfix({
    type: 'integer',
    default: '50',
    doc: 'Connections of one client at once. 0 = no limit.',
  }),
  smtpd_starttls_timeout: postfix({
    type: 'time',
    default: '60s',
    unit: 's',
    doc: 'How long a TLS handshake of a client may take. (Default of Postfix: 300s, 10s under stress.)',
  }),
  smtpd_client_ipv4_prefix_length: postfix({
    type: 'integer',
    default: '32',
    min: 0,
    max: 32,
    change: 'restart',
    doc: 'How many bits of an IPv4 address are one client for the limits of connections, messages, recipients, logins and TLS sessions. (Of Postfix 3.8.)',
  }),
  smtpd_client_ipv6_prefix_length: postfix({
    type: 'integer',
    default: '64',
    min: 0,
    max: 128,
    change: 'restart',
    doc: 'The same of an IPv6 address: a customer has a /64 at least. (Default of Postfix: 84.)',
  }),
  smtpd_client_connection_rate_limit: postfix({
    type: 'integer',
    default: '0',
    doc: 'Connections of one client in anvil_rate_time_unit. 0 = no limit.',
  }),
  smtpd_client_message_rate_limit: postfix({
    type: 'integer',
    default: '0',
    doc: 'Messages of one client in anvil_rate_time_unit. 0 = no limit.',
  }),
  smtpd_client_recipient_rate_limit: postfix({
    type: 'integer',
    default: '0',
    doc: 'Recipients of one client in anvil_rate_time_unit. 0 = no limit.',
  }),
  smtpd_client_auth_rate_limit: postfix({
    type: 'integer',
    default: '0',
    doc: 'AUTH commands of one client in anvil_rate_time_unit. 0 = no limit.',
  }),
  smtpd_client_new_tls_session_rate_limit: postfix({
    type: 'integer',
    default: '0',
    doc: 'TLS sessions that one client may begin in anvil_rate_time_unit. 0 = no limit.',
  }),
  smtpd_client_event_limit_exceptions: postfix({
    type: 'networks',
    default: '$mynetworks',
    doc: 'Clients that the limits by client do not count for.',
  }),
  anvil_rate_time_unit: postfix({
    type: 'time',
    default: '60s',
    unit: 's',
    doc: 'The time of the rate limits.',
  }),
  anvil_status_update_time: postfix({
    type: 'time',
    default: '600s',
    unit: 's',
    doc: 'How often the log says which client had the most connections, and the highest rates. 0 = never.',
  }),
  account_recipient_rate_limit: posthorn({
    type: 'integer',
    default: '0',
    doc: 'Recipients that one login may send to in account_rate_time_unit, from whatever address: a stolen password is stopped here with 450, and postmaster gets a message. 0 = no limit.',
  }),
  account_rate_time_unit: posthorn({
    type: 'time',
    default: '1h',
    unit: 's',
    min: 1,
    doc: 'The time of account_recipient_rate_limit.',
  }),
  smtpd_timeout: postfix({
    type: 'time',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    default: '${stress?{10}:{300}}s',
    unit: 's',
    doc: 'How long a client may think about a command, or a piece of a message.',
  }),
  smtpd_per_request_deadline: postfix({
    type: 'boolean',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    default: '${smtpd_per_record_deadline?{$smtpd_per_record_deadline}:{yes}}',
    doc: 'Whether smtpd_timeout bounds a whole command, and a message beyond what smtpd_min_data_rate allows. No: each piece of them that comes begins the time anew. (Default of Postfix: yes under stress alone.)',
  }),
  smtpd_min_data_rate: postfix({
    type: 'integer',
    default: '500',
    doc: 'Octets a second that a client sending a message must reach.',
  }),
  smtpd_forbid_bare_newline: postfix({
    type: 'choice',
    values: ['normalize', 'yes', 'reject', 'note', 'no'],
    default: 'normalize',
    doc: 'Line ends other than CR LF (SMTP smuggling): `normalize` makes them CR LF and never takes them for the end; `reject` refuses the message, or closes after such a command; `note` also logs it; `yes` is normalize; `no` is read as normalize.',
  }),
  smtpd_forbid_bare_newline_exclusions: postfix({
    type: 'networks',
    default: '$mynetworks',
    doc: 'Clients that smtpd_forbid_bare_newline = reject does not refuse.',
  }),
  smtpd_forbid_bare_newline_reject_code: postfix({
    type: 'integer',
    default: '550',
    min: 400,
    max: 599,
    doc: 'Reply code of smtpd_forbid_bare_newline = reject.',
  }),
  smtpd_forbid_unauth_pipelining: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'Disconnect clients that send commands before they may.',
  }),
  smtpd_forbidden_commands: postfix({
    type: 'list',
    default: 'CONNECT GET POST',
    doc: 'Commands after which a client is disconnected: it takes us for a web server. Tables too, `regexp:{{/^[^A-Z]/ Bogus}}` for instance; what begins with no letter is sent away in any case.',
  }),
  smtpd_noop_commands: postfix({
    type: 'list',
    default: '',
    doc: 'Commands that are answered 250 and do nothing, whatever they are.',
  }),
  smtpd_command_filter: postfix({
    type: 'tables',
    default: '',
    doc: 'Each command line of a client → the line that is run instead; `pcre:` or `regexp:`, for clients that say something other than they mean.',
  }),
  smtpd_greet_wait: posthorn({
    type: 'time',
    default: '100ms',
    unit: 's',
    doc: 'Pause before the greeting on the port for other servers. Trusted networks and the submission ports never wait.',
  }),
  mail_max_userip_connections: dovecot({
    type: 'integer',
    default: '10',
    doc: 'IMAP or POP3 sessions of one user from one address at once, each protocol for itself. 0 = no limit. While it is not set, addresses of mynetworks are not limited: a webmail is one address.',
  }),
  reading_client_connection_limit: posthorn({
    type: 'integer',
    default: '100',
    doc: 'IMAP and POP3 connections of one address at once. 0 = no limit.',
  }),
  default_client_limit: dovecot({
    type: 'integer',
    default: '10000',
    min: 1,
    doc: 'IMAP connections at once, of all workers together, and as many of POP3. Behind it whoever has not logged in makes room for the next one.',
  }),
  default_process_limit: postfix({
    type: 'integer',
    default: '1000',
    min: 1,
    doc: 'SMTP connections at once, of all workers together; a line of master.cf has its own with maxproc. When nine tenths are taken, stress is set. (Default of Postfix: 100.)',
  }),
  imap_max_line_length: dovecot({
    type: 'octets',
    default: '64k',
    doc: 'The longest IMAP command with its small literals.',
  }),
} as const
