import { dovecot, postfix, posthorn } from './parameter.ts'

/** Where the server listens, as whom, in how many processes. */
export const listeners = {
  inet_interfaces: postfix({
    type: 'list',
    default: 'all',
    change: 'restart',
    doc: 'Addresses that SMTP listens on: `all`, `loopback-only`, or host names and addresses.',
  }),
  inet_protocols: postfix({
    type: 'list',
    default: 'all',
    change: 'restart',
    doc: '`all`, `ipv4`, `ipv6`, or `ipv4, ipv6`: for listening and for delivery.',
  }),
  listen: dovecot({
    type: 'list',
    default: '*, ::',
    change: 'restart',
    doc: 'Addresses that POP3 and IMAP listen on: `*` is every IPv4 address, `::` every IPv6 address.',
  }),
  protocols: dovecot({
    type: 'list',
    default: 'imap pop3',
    change: 'restart',
    doc: 'Which of imap and pop3 are offered. `none` or an empty value: neither. lmtp is accepted in the list.',
  }),
  smtp_port: posthorn({
    type: 'port',
    default: '1025',
    change: 'restart',
    doc: 'Port for mail from other servers; 25 at a real site. 0 = off.',
  }),
  submission_port: posthorn({
    type: 'port',
    default: '1587',
    change: 'restart',
    doc: 'Port for users sending mail, with STARTTLS and AUTH (RFC 6409); 587 at a real site. 0 = off.',
  }),
  submissions_port: posthorn({
    type: 'port',
    default: '1465',
    change: 'restart',
    doc: 'Port for users sending mail, TLS from the first octet (RFC 8314); 465 at a real site. 0 = off.',
  }),
  pop3_port: posthorn({
    type: 'port',
    default: '1110',
    change: 'restart',
    doc: 'Port for POP3 with STLS; 110 at a real site. 0 = off.',
  }),
  pop3s_port: posthorn({
    type: 'port',
    default: '1995',
    change: 'restart',
    doc: 'Port for POP3 over TLS; 995 at a real site. 0 = off.',
  }),
  imap_port: posthorn({
    type: 'port',
    default: '1143',
    change: 'restart',
    doc: 'Port for IMAP with STARTTLS; 143 at a real site. 0 = off.',
  }),
  imaps_port: posthorn({
    type: 'port',
    default: '1993',
    change: 'restart',
    doc: 'Port for IMAP over TLS; 993 at a real site. 0 = off.',
  }),
  haproxy_trusted_networks: dovecot({
    type: 'networks',
    default: '',
    change: 'restart',
    doc: 'Proxies whose connections begin with a PROXY protocol header (v1 or v2). Anybody else who sends one is refused.',
  }),
  haproxy_timeout: dovecot({
    type: 'time',
    default: '3s',
    unit: 's',
    doc: 'How long to wait for the PROXY header.',
  }),
  smtpd_upstream_proxy_protocol: postfix({
    type: 'choice',
    values: ['', 'haproxy'],
    default: '',
    change: 'restart',
    doc: 'haproxy: connections to the SMTP ports from haproxy_trusted_networks begin with a PROXY header.',
  }),
  smtpd_upstream_proxy_timeout: postfix({
    type: 'time',
    default: '5s',
    unit: 's',
    doc: 'How long to wait for the PROXY header of smtpd_upstream_proxy_protocol.',
  }),
  data_directory: postfix({
    type: 'file',
    default: 'data',
    computed: true,
    change: 'restart',
    doc: 'The folder with everything that the server keeps: store, queue, keys, control socket. Default: ./data, or /var/lib/posthorn when main.cf is /etc/posthorn/main.cf.',
  }),
  config_directory: postfix({
    type: 'file',
    default: '',
    computed: true,
    doc: 'The folder of main.cf. Not to be set: it follows from where main.cf was found.',
  }),
  workers: posthorn({
    type: 'integer',
    default: '1',
    min: 1,
    max: 256,
    change: 'restart',
    doc: 'How many identical processes share the listening sockets and the store.',
  }),
  mail_owner: postfix({
    type: 'string',
    default: '',
    change: 'restart',
    doc: 'When started as root: the user to become after the ports are bound. Empty: stay who we are. (Default of Postfix: postfix.)',
  }),
  shutdown_grace: posthorn({
    type: 'time',
    default: '10s',
    unit: 's',
    doc: 'How long a stopping server waits for sessions to finish their command.',
  }),
} as const
