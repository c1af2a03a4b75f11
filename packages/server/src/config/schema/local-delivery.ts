import { postfix, posthorn } from './parameter.ts'

/** Aliases, rewriting, and what becomes of mail for our users. */
export const localDelivery = {
  alias_maps: postfix({
    type: 'tables',
    default: '',
    computed: true,
    doc: 'Alias tables (aliases(5) syntax). The text file is read and re-read when it changes; newaliases is not needed. Default: hash:/etc/aliases where that file exists.',
  }),
  alias_database: postfix({
    type: 'tables',
    default: '$alias_maps',
    doc: 'The tables that newaliases checks.',
  }),
  virtual_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'What virtual_alias_maps was called before Postfix 2.0, as old guides write it.',
  }),
  virtual_alias_maps: postfix({
    type: 'tables',
    default: '$virtual_maps',
    doc: 'Tables address → addresses, for any domain: `user@domain`, `user`, `@domain` (virtual(5)).',
  }),
  virtual_alias_domains: postfix({
    type: 'list',
    default: '$virtual_alias_maps',
    doc: 'Domains whose addresses all come from virtual_alias_maps. Left alone: those that stand there as keys (`example.org anything`).',
  }),
  virtual_alias_expansion_limit: postfix({
    type: 'integer',
    default: '1000',
    min: 1,
    doc: 'Addresses that one address may become.',
  }),
  virtual_alias_recursion_limit: postfix({
    type: 'integer',
    default: '1000',
    min: 1,
    doc: 'Depth of virtual aliases. Mail for an address that goes deeper, in a circle for instance, is not taken (451 4.6.0), as with the two limits beside it.',
  }),
  virtual_alias_address_length_limit: postfix({
    type: 'integer',
    default: '1000',
    min: 1,
    doc: 'Octets of an address that virtual aliases may lead to.',
  }),
  duplicate_filter_limit: postfix({
    type: 'integer',
    default: '1000',
    min: 1,
    instead: 'each destination of a message gets one copy, however many there are',
    doc: 'Addresses remembered so that each gets one copy.',
  }),
  canonical_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Rewrites addresses in envelope and header (canonical(5)).',
  }),
  sender_canonical_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'As canonical_maps, senders only.',
  }),
  recipient_canonical_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'As canonical_maps, recipients only.',
  }),
  relocated_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Addresses that have moved, with the new one for the refusal (relocated(5)).',
  }),
  relocated_prefix_enable: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'What relocated_maps answer is the new address, said after "5.1.6 User has moved to"; no: it is the whole text, with a status of its own or none.',
  }),
  transport_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Domain or address → transport:nexthop (transport(5)).',
  }),
  always_bcc: postfix({
    type: 'string',
    default: '',
    doc: 'An address that gets a copy of every message. The people concerned must know.',
  }),
  sender_bcc_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Sender address or @domain → an address that gets a copy of its mail.',
  }),
  recipient_bcc_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Recipient address or @domain → an address that gets a copy of its mail.',
  }),
  luser_relay: postfix({
    type: 'string',
    default: '',
    raw: true,
    doc: 'Where mail for unknown local users goes: an address, with $user, $domain, $local, $extension filled in. Set local_recipient_maps to empty too.',
  }),
  local_recipient_maps: postfix({
    type: 'tables',
    default: 'proxy:unix:passwd.byname $alias_maps',
    doc: 'What makes a local user known. Here: the accounts (for `proxy:unix:passwd.byname` and its kind), $alias_maps (always), and other tables that are named. Empty: every user is accepted at RCPT TO, for luser_relay, fallback_transport or mailbox_transport.',
  }),
  local_transport: postfix({
    type: 'string',
    default: 'local:$myhostname',
    doc: 'How mail for mydestination is delivered: `local`, `error: text` to refuse it with that text, or any transport and next hop, `lmtp:unix:/run/lmtp`.',
  }),
  home_directory: posthorn({
    type: 'string',
    default: '/home/%u',
    doc: "Where a user's `.forward` is looked for; %u or %n is the user's local part, %d the domain. An account's own home comes first. Empty: no .forward.",
  }),
  require_home_directory: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Mail for a local user whose home is not there (not mounted, for instance) waits in the queue for it: his .forward may be there.',
  }),
  unsafe_files: posthorn({
    type: 'choice',
    values: ['refuse', 'warn'],
    default: 'refuse',
    doc: 'Tables and alias files that group or others may write: `refuse` does not start with them, `warn` says so and goes on, for folders mounted into a container where modes cannot be set.',
  }),
  administrator: posthorn({
    type: 'string',
    default: '',
    doc: 'Who reads mail for postmaster, abuse and mailer-daemon when no alias or account does. Empty: the first account.',
  }),
  forward_path: postfix({
    type: 'string',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    default: '$home/.forward${recipient_delimiter}${extension}, $home/.forward',
    raw: true,
    doc: 'Names of the file with forwarding addresses; the first that exists is used.',
  }),
  allow_mail_to_commands: postfix({
    type: 'list',
    default: '',
    doc: 'Where `|command` is allowed: alias, forward, include. (Default of Postfix: alias, forward.) Never is a shell given what a stranger wrote. By a server that is root, those of a .forward or an :include: file are served as the owner of that file, as in local(8). forward is passed over where default_privs is the user of the server itself, and :include: files of others wait: whoever writes them would own all mail.',
  }),
  allow_mail_to_files: postfix({
    type: 'list',
    default: '',
    doc: 'Where `/file/name` is allowed: alias, forward (as in allow_mail_to_commands), include. (Default of Postfix: alias, forward.)',
  }),
  default_privs: postfix({
    type: 'string',
    default: 'nobody',
    doc: 'As whom `|command` and `/file` are served: of aliases, and of files of root’s and of owners without a name. Only a server that runs as root can become somebody else; one that runs as this very user serves them as itself; any other lets such mail wait.',
  }),
  command_time_limit: postfix({
    type: 'time',
    default: '1000s',
    min: 1,
    max: 1200,
    doc: 'How long `|command` may run.',
  }),
  prepend_delivered_header: postfix({
    type: 'list',
    default: 'command, file, forward',
    doc: 'Where a Delivered-To field is put before the message; it stops loops.',
  }),
  biff: postfix({
    type: 'boolean',
    default: 'no',
    instead: 'IMAP IDLE tells clients of new mail.',
    doc: 'Local new-mail notification.',
  }),
  home_mailbox: postfix({
    type: 'string',
    default: '',
    instead: 'Mail is kept in the store, whole and at once; `posthorn export` writes a Maildir.',
    doc: 'Where mail is delivered below the home directory. Accepted so that a guide can be followed; the mailbox is the one of the store.',
  }),
  mail_location: {
    type: 'string',
    default: '',
    origin: 'dovecot',
    instead:
      'Mail is kept in the store; `posthorn import location ADDRESS` brings what lies there, `posthorn export` writes it out.',
    doc: "Dovecot's place for mail. Accepted so that a guide can be followed; the mailbox is the one of the store.",
  },
  mail_spool_directory: postfix({
    type: 'string',
    default: '/var/mail',
    instead: 'Mail is kept in the store below $data_directory.',
    doc: 'The folder of mbox files. Accepted so that a guide can be followed.',
  }),
} as const
