import { postfix } from './parameter.ts'

const away = 'Such mail does not come into the mailboxes that POP3 and IMAP serve.'

/** Who else takes mail for our users, and with which return path mail goes out. */
export const localTransports = {
  virtual_mailbox_domains: postfix({
    type: 'list',
    default: '$virtual_mailbox_maps',
    doc: 'Domains whose addresses are mailboxes, each for itself: names, `/file` of names, tables by domain. Domains of accounts (`posthorn domain add`, `posthorn user add`) need not be named here. Must not be in mydestination too.',
  }),
  virtual_mailbox_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Tables that name the mailboxes of virtual_mailbox_domains, `info@example.com anything`: an address that is named has its mailbox from its first mail on, and a password by `posthorn user passwd` or passdb; `@example.com example.com/catchall/`: what nobody else of the domain takes goes to the mailbox that the path means, catchall@example.com. Where virtual_transport leads elsewhere: whom strangers reach there; empty: everybody.',
  }),
  virtual_transport: postfix({
    type: 'string',
    default: 'virtual',
    doc: `How mail is delivered for domains of accounts that mydestination does not name: \`virtual\` (the store), or a transport and next hop. ${away}`,
  }),
  mailbox_transport_maps: postfix({
    type: 'tables',
    default: '',
    doc: `User name → transport:nexthop, for users of mydestination: after aliases and .forward, in the place of the mailbox. ${away}`,
  }),
  mailbox_transport: postfix({
    type: 'string',
    default: '',
    doc: `The same for all users of mydestination, whether they have an account or not: \`lmtp:unix:/run/cyrus/lmtp\`. ${away}`,
  }),
  local_delivery_status_filter: postfix({
    type: 'tables',
    default: '$default_delivery_status_filter',
    doc: 'The same for mailboxes of mydestination, commands and files of aliases and .forward.',
  }),
  virtual_delivery_status_filter: postfix({
    type: 'tables',
    default: '$default_delivery_status_filter',
    doc: 'The same for mailboxes of other domains.',
  }),
  pipe_delivery_status_filter: postfix({
    type: 'tables',
    default: '$default_delivery_status_filter',
    doc: 'The same for pipe services of master.cf.',
  }),
  command_execution_directory: postfix({
    type: 'string',
    default: '',
    raw: true,
    doc: 'Where commands of aliases, .forward and mailbox_command are started: `$home`, `$user`, `$domain`, `$local`, `$extension`, `$recipient` are filled in. Empty: in /.',
  }),
  command_expansion_filter: postfix({
    type: 'string',
    default: '1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ',
    raw: true,
    doc: 'Which characters of addresses and names of clients commands see in their environment ($RECIPIENT, $SENDER, $EXTENSION and their kind); others become `_`.',
  }),
  execution_directory_expansion_filter: postfix({
    type: 'string',
    default: '1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ',
    raw: true,
    doc: 'Which characters may come into command_execution_directory by `$recipient` and its kind; others become `_`.',
  }),
  local_command_shell: postfix({
    type: 'string',
    default: '',
    doc: 'What is started with each such command as its last word, `/usr/lib/sm.bin/smrsh -c` for instance. Empty: the command itself, by /bin/sh only where it needs a shell.',
  }),
  import_environment: postfix({
    type: 'list',
    default:
      'MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ XAUTHORITY DISPLAY LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME',
    doc: 'What of the environment that the server is started with `environ:` tables and export_environment see: names, or `NAME=value`. The `POSTHORN_…` settings are read in any case.',
  }),
  export_environment: postfix({
    type: 'list',
    default: 'TZ MAIL_CONFIG LANG',
    doc: "Environment that commands and pipe services get beside their own: names of the server's, or `NAME=value`.",
  }),
  mailbox_command_maps: postfix({
    type: 'tables',
    default: '',
    doc: `User name → a command that gets the user's mail on standard input. ${away}`,
  }),
  mailbox_command: postfix({
    type: 'string',
    default: '',
    raw: true,
    doc: `A command for the mail of all accounts of mydestination, in the place of the mailbox: \`/usr/bin/procmail -a "$EXTENSION"\`. It runs as the user of the system of that name, as $default_privs where there is none, with the environment that local(8) describes. ${away}`,
  }),
  fallback_transport_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'User name → transport:nexthop, for names of mydestination that are no alias and no account; before luser_relay. local_recipient_maps has to let them in.',
  }),
  fallback_transport: postfix({
    type: 'string',
    default: '',
    doc: 'The same for all such names.',
  }),
  owner_request_special: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'An alias owner-list makes owner-list@$myorigin the sender of what the alias list sends on, so that failures come to the owner. (Where recipient_delimiter is `-`, owner-list and list-request are never divided.)',
  }),
  expand_owner_alias: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Use the address on the right-hand side of `owner-list` as the sender instead of owner-list itself.',
  }),
  default_verp_delimiters: postfix({
    type: 'string',
    default: '+=',
    doc: 'The two characters of variable envelope return paths (VERP_README): owner+user=there@here, when XVERP or `sendmail -XV` names none.',
  }),
  verp_delimiter_filter: postfix({
    type: 'string',
    default: '-=+',
    doc: 'The characters that XVERP and `sendmail -XV` may name.',
  }),
  smtpd_authorized_verp_clients: postfix({
    type: 'networks',
    default: '$authorized_verp_clients',
    doc: 'Clients that may ask for variable envelope return paths, `MAIL FROM:<owner@example.org> XVERP`; the EHLO reply offers it to them alone.',
  }),
  authorized_verp_clients: postfix({
    type: 'networks',
    default: '',
    doc: 'The older name of smtpd_authorized_verp_clients.',
  }),
} as const
