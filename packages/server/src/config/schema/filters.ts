import { postfix } from './parameter.ts'

const macros = (stage: string, fallback: string) =>
  postfix({
    type: 'list',
    default: fallback,
    raw: true,
    doc: `The macros sent to milters ${stage}.`,
  })

/** External filters that speak the milter protocol. */
export const filters = {
  content_filter: postfix({
    type: 'string',
    default: '',
    doc: 'A mail server that all mail is sent to before it is delivered, `smtp:[127.0.0.1]:10024`, or a transport of master.cf, `spamassassin`; what it sends back comes in at a service of master.cf with `-o content_filter=`. FILTER in access tables and header_checks does the same for single messages.',
  }),
  default_filter_nexthop: postfix({
    type: 'string',
    default: '',
    doc: 'The next hop of a content_filter or FILTER that names a transport alone. Empty: the domain of each recipient.',
  }),
  receive_override_options: postfix({
    type: 'list',
    default: '',
    doc: 'What is left out for mail of a service of master.cf (`-o`), or for all: no_unknown_recipient_checks, no_address_mappings (canonical addresses and automatic copies; aliases are expanded once in any case), no_header_body_checks, no_milters. In FILTER_README for the service that takes mail back from a content filter.',
  }),
  cleanup_service_name: postfix({
    type: 'string',
    default: 'cleanup',
    doc: 'The cleanup service of master.cf whose options hold for mail of a service too: `-o cleanup_service_name=subcleanup`, and `subcleanup unix n - y - 0 cleanup` with `-o header_checks=…`, `-o virtual_alias_maps=…`, canonical maps, automatic copies.',
  }),
  smtpd_proxy_filter: postfix({
    type: 'string',
    default: '',
    doc: 'A content filter before the queue, `host:port`, `inet:host:port` or `unix:/path`, usually by `-o` of the service of port 25: each message is passed on to it as it comes (with XFORWARD when the filter knows it), its answers are the client’s, and nothing is stored here. What it lets pass comes back at a service of master.cf of its own. header_checks, body_checks and milters see messages there.',
  }),
  smtpd_proxy_ehlo: postfix({
    type: 'string',
    default: '$myhostname',
    doc: 'The name said to smtpd_proxy_filter.',
  }),
  smtpd_proxy_timeout: postfix({
    type: 'time',
    default: '100s',
    unit: 's',
    min: 1,
    doc: 'How long smtpd_proxy_filter may take for the connection, and for each answer.',
  }),
  smtpd_proxy_options: postfix({
    type: 'list',
    default: '',
    doc: '`speed_adjust`: smtpd_proxy_filter is asked when the whole message has come, so that slow clients keep no filter busy.',
  }),
  smtpd_authorized_xclient_hosts: postfix({
    type: 'list',
    default: '',
    doc: 'Proxies, by address, network or name, that may tell with XCLIENT whose commands they pass on: name, address, port, HELO name, protocol, login and our own address. All access control is then about that client. Filters and mail proxies (nginx) use it.',
  }),
  smtpd_authorized_xforward_hosts: postfix({
    type: 'list',
    default: '',
    doc: 'Content filters, by address, network or name, that may tell with XFORWARD whose mail they bring back: the log (`orig_client=`), header_checks, pipe(8) and the next server see the first client; access control is about the filter.',
  }),
  smtpd_milters: postfix({
    type: 'list',
    default: '',
    doc: 'Milters for mail that comes by SMTP, asked in order: `inet:host:port`, `unix:/path`, or with settings of its own `{ inet:host:port, connect_timeout=10s, default_action=accept }`. They see the message when it is complete, after header_checks and body_checks.',
  }),
  non_smtpd_milters: postfix({
    type: 'list',
    default: '',
    doc: 'Milters for mail of the sendmail command, and for reports with internal_mail_filter_classes.',
  }),
  internal_mail_filter_classes: postfix({
    type: 'list',
    default: '',
    doc: '`bounce`: reports of our own pass header_checks, body_checks and non_smtpd_milters (which sign them). Who refuses one is not obeyed: its reader would have no news. `notify`: there are no such messages here.',
  }),
  smtpd_milter_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Client address → milters that take the place of smtpd_milters, or DISABLE.',
  }),
  milter_protocol: postfix({
    type: 'string',
    default: '6',
    doc: 'The version of the milter protocol: 2, 3, 4 or 6.',
  }),
  milter_default_action: postfix({
    type: 'choice',
    values: ['accept', 'reject', 'tempfail', 'quarantine', 'shutdown'],
    default: 'tempfail',
    doc: 'What is done when a milter cannot be reached, is too slow or says what it may not: go on without it, refuse, refuse for the time being, put the mail on hold, disconnect.',
  }),
  milter_connect_timeout: postfix({
    type: 'time',
    default: '30s',
    unit: 's',
    min: 1,
    doc: 'How long the connection to a milter may take.',
  }),
  milter_command_timeout: postfix({
    type: 'time',
    default: '30s',
    unit: 's',
    min: 1,
    doc: 'How long a milter may take for its answer to an SMTP command.',
  }),
  milter_content_timeout: postfix({
    type: 'time',
    default: '300s',
    unit: 's',
    min: 1,
    doc: 'How long a milter may take for a piece of a message, and for its verdict.',
  }),
  milter_header_checks: postfix({
    type: 'tables',
    default: '',
    doc: 'As header_checks, for the header fields that milters add or change.',
  }),
  milter_macro_daemon_name: postfix({
    type: 'string',
    default: '$myhostname',
    doc: 'The value of the macro {daemon_name}.',
  }),
  milter_macro_v: postfix({
    type: 'string',
    default: '$mail_name $mail_version',
    doc: 'The value of the macro v.',
  }),
  milter_macro_defaults: postfix({
    type: 'list',
    default: '',
    raw: true,
    doc: 'Values for macros that have none: `{name=value}`.',
  }),
  milter_connect_macros: macros('when a client connects', 'j {daemon_name} {daemon_addr} v _'),
  milter_helo_macros: macros(
    'at HELO and EHLO',
    '{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}',
  ),
  milter_mail_macros: macros(
    'at MAIL FROM',
    'i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} {mail_mailer}',
  ),
  milter_rcpt_macros: macros('at RCPT TO', 'i {rcpt_addr} {rcpt_host} {rcpt_mailer}'),
  milter_data_macros: macros('at DATA', 'i'),
  milter_end_of_header_macros: macros('after the header', 'i'),
  milter_end_of_data_macros: macros('after the message', 'i'),
  milter_unknown_command_macros: macros('at a command that is none', ''),
} as const
