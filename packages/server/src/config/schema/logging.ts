import { dovecot, postfix, posthorn } from './parameter.ts'

/** What is written down, and where the shell finds things. */
export const logging = {
  maillog_file: postfix({
    type: 'file',
    default: '',
    doc: 'The log file, opened anew on reload. Empty: standard output.',
  }),
  log_format: posthorn({
    type: 'choice',
    values: ['maillog', 'json'],
    default: 'maillog',
    doc: 'Lines as Postfix and Dovecot write them, or one JSON object a line.',
  }),
  syslog_name: postfix({
    type: 'string',
    default: 'posthorn',
    doc: 'The name before the service in a log line: `posthorn/smtpd[12]`. Tools that look for postfix want `postfix`.',
  }),
  log_level: posthorn({
    type: 'choice',
    values: ['debug', 'info', 'warning', 'error'],
    default: 'info',
    doc: 'The least level that is logged.',
  }),
  auth_verbose: dovecot({ type: 'boolean', default: 'no', doc: 'Log why logins failed.' }),
  show_user_unknown_table_name: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'Name the table in `User unknown in local recipient table`.',
  }),
  enable_long_queue_ids: postfix({
    type: 'boolean',
    default: 'no',
    instead: 'Queue IDs are unique for ever.',
    doc: 'Queue IDs that are not used again.',
  }),
  command_directory: postfix({
    type: 'string',
    default: '/usr/sbin',
    doc: 'Where the commands are installed; for scripts that ask.',
  }),
  sendmail_path: postfix({
    type: 'string',
    default: '/usr/sbin/sendmail',
    doc: 'Where sendmail is installed; for scripts that ask.',
  }),
  mailq_path: postfix({
    type: 'string',
    default: '/usr/bin/mailq',
    doc: 'Where mailq is installed; for scripts that ask.',
  }),
  newaliases_path: postfix({
    type: 'string',
    default: '/usr/bin/newaliases',
    doc: 'Where newaliases is installed; for scripts that ask.',
  }),
  queue_directory: postfix({
    type: 'string',
    default: '$data_directory',
    instead: 'The queue is part of the store below $data_directory.',
    doc: 'The folder of the queue.',
  }),
  default_database_type: postfix({
    type: 'string',
    default: 'hash',
    doc: 'The type of tables written without one.',
  }),
  readme_directory: postfix({
    type: 'string',
    default: 'no',
    instead: 'See docs/.',
    doc: 'Documentation files.',
  }),
  html_directory: postfix({
    type: 'string',
    default: 'no',
    instead: 'See docs/.',
    doc: 'Documentation files.',
  }),
  manpage_directory: postfix({
    type: 'string',
    default: '/usr/share/man',
    instead: 'See docs/.',
    doc: 'Manual pages.',
  }),
  sample_directory: postfix({
    type: 'string',
    default: '/etc/posthorn',
    instead: 'See docs/main.cf.sample.',
    doc: 'Sample files.',
  }),
  setgid_group: postfix({
    type: 'string',
    default: '',
    instead: 'sendmail opens the store, or hands the message to the running server.',
    doc: 'The group of the mail posting program.',
  }),
  daemon_directory: postfix({
    type: 'string',
    default: '/usr/lib/posthorn',
    instead: 'There are no daemon programs.',
    doc: 'Daemon programs.',
  }),
  debug_peer_level: postfix({
    type: 'integer',
    default: '2',
    instead: 'log_level = debug.',
    doc: 'How much more is logged for debug_peer_list.',
  }),
  debug_peer_list: postfix({
    type: 'list',
    default: '',
    instead: 'log_level = debug.',
    doc: 'Clients that more is logged about.',
  }),
  debugger_command: postfix({
    type: 'string',
    default: '',
    raw: true,
    instead: 'node --inspect.',
    doc: 'What is started with daemon -D.',
  }),
  unknown_virtual_alias_reject_code: postfix({
    type: 'integer',
    default: '550',
    min: 400,
    max: 599,
    doc: 'Reply code for unknown addresses of virtual_alias_domains.',
  }),
  unknown_relay_recipient_reject_code: postfix({
    type: 'integer',
    default: '550',
    min: 400,
    max: 599,
    doc: 'Reply code for addresses not in relay_recipient_maps.',
  }),
} as const
