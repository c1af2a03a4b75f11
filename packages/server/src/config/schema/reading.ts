import { dovecot, posthorn } from './parameter.ts'

/** POP3 and IMAP. */
export const reading = {
  login_greeting: dovecot({
    type: 'string',
    default: 'Posthorn ready.',
    doc: 'The text of the POP3 and IMAP greeting.',
  }),
  imap_capability: dovecot({
    type: 'string',
    default: '',
    doc: 'Empty: everything we can. `-NAME …` withholds capabilities from everybody, `+NAME …` announces more, a list that begins with neither replaces ours after login (of it is announced what we can).',
  }),
  imap_client_quirks: posthorn({
    type: 'string',
    default: 'default',
    doc: 'Capabilities withheld from clients known to fail at them, by what they say of themselves (ID): rules `NAME: -CAPABILITY …` or `NAME/VERSION: -CAPABILITY …` with `*` and `?` in names and versions, separated by `;`. Instead of a capability `pause-after-idling` keeps news from the first 100 ms of IDLE and from the answer to DONE, and `fetch-without-news` lets them wait for the next command that is not FETCH. `default` stands for the list that comes with the server: `Microsoft Office 365: -UIDONLY` (it enables UIDONLY and then fetches by sequence number), `Thunderbird: pause-after-idling fetch-without-news` (it loses what comes together with the answers to IDLE and DONE, and does not look at news that come while it fetches). Empty: none.',
  }),
  imap_login_referrals: posthorn({
    type: 'tables',
    default: '',
    doc: 'Tables user → `host`, `host:port` or an `imap://` URL, for users whose mailboxes are on another server: their login is answered with where that is (RFC 2221).',
  }),
  imap_administrators: posthorn({
    type: 'list',
    default: '',
    doc: 'Addresses of accounts that may change the quota of others by the SETQUOTA command of IMAP.',
  }),
  mail_server_comment: dovecot({
    type: 'string',
    default: '',
    doc: 'What clients read as `/shared/comment` of the server (METADATA, RFC 5464). Empty: nothing.',
  }),
  mail_server_admin: dovecot({
    type: 'string',
    default: '',
    doc: 'URI by which users reach the administrator, as `mailto:postmaster@example.org`: `/shared/admin` of the server.',
  }),
  imap_idle_notify_interval: dovecot({
    type: 'time',
    default: '2m',
    unit: 's',
    min: 1,
    doc: 'An idling client hears `* OK Still here` this often.',
  }),
  imap_logout_format: dovecot({
    type: 'string',
    default: 'in=%i out=%o',
    raw: true,
    doc: 'The text logged when a session ends: %i octets in, %o octets out.',
  }),
  imap_idle_timeout: posthorn({
    type: 'time',
    default: '30m',
    unit: 's',
    min: 60,
    doc: 'An IMAP session without a command (and not idling) is closed after this (RFC 9051 §5.4: at least 30 minutes).',
  }),
  pop3_idle_timeout: posthorn({
    type: 'time',
    default: '10m',
    unit: 's',
    min: 60,
    doc: 'A POP3 session without a command is closed after this, deleting nothing (RFC 1939 §3: at least 10 minutes).',
  }),
  login_timeout: posthorn({
    type: 'time',
    default: '60s',
    unit: 's',
    min: 1,
    doc: 'A connection that has not logged in is closed after this.',
  }),
  pop3_uidl_format: dovecot({
    type: 'string',
    default: '%08Xu%08Xv',
    raw: true,
    doc: 'The form of POP3 message identifiers: UID %u and UIDVALIDITY %v; %g and %f are a name that the message keeps (at an import: its GUID, its file name). What `posthorn import` brought keeps the identifier that it had. (Default of Dovecot: the same.)',
  }),
  pop3_save_uidl: dovecot({
    type: 'boolean',
    default: 'no',
    doc: 'Identifiers that a client has been told are kept: another `pop3_uidl_format` is for new messages only.',
  }),
  pop3_reuse_xuidl: dovecot({
    type: 'boolean',
    default: 'no',
    doc: 'Messages that have an `X-UIDL` field keep it as their POP3 identifier, after a move from a server that wrote it. UIDL then reads the header of every message.',
  }),
  pop3_enable_last: dovecot({
    type: 'boolean',
    default: 'no',
    doc: 'The command LAST of RFC 1460 is known.',
  }),
  pop3_no_flag_updates: dovecot({
    type: 'boolean',
    default: 'no',
    doc: 'Messages that were retrieved are not marked `\\Seen` at QUIT.',
  }),
  pop3_client_workarounds: dovecot({
    type: 'list',
    default: 'outlook-no-nuls oe-ns-eoh',
    doc: '`outlook-no-nuls`: NUL is sent as 0x80, Outlook hangs on it. `oe-ns-eoh`: a message that is a header alone gets its empty line, Outlook Express and Netscape wait for it. (Default of Dovecot: neither.)',
  }),
  pop3_utf8_surrogates: posthorn({
    type: 'boolean',
    default: 'no',
    doc: 'Clients that did not say UTF8 get, of messages with UTF-8 in the header, one in ASCII (RFC 6856, RFC 6858): addresses that have no form in ASCII cannot be answered, signatures do not hold. `no`: every message comes octet for octet.',
  }),
  pop3_delete_type: dovecot({
    type: 'choice',
    values: ['default', 'expunge', 'flag', 'trash'],
    default: 'default',
    doc: 'What QUIT does with messages that DELE marked: `expunge` removes them; `trash` moves them to the mailbox with the use `\\Trash`; `flag` leaves them in INBOX with `pop3_deleted_flag`, where POP3 sees them no more. `default`: `flag` when `pop3_deleted_flag` is set, else `expunge`.',
  }),
  pop3_deleted_flag: dovecot({
    type: 'string',
    default: '',
    raw: true,
    doc: 'The keyword of messages deleted by POP3 with `pop3_delete_type = flag`; empty there: `$POP3Deleted`.',
  }),
  pop3_login_delay: posthorn({
    type: 'time',
    default: '0',
    unit: 's',
    min: 0,
    doc: 'The least time between two POP3 logins of an account (RFC 2449 LOGIN-DELAY); an earlier one is refused with `[LOGIN-DELAY]`. 0: none.',
  }),
  pop3_expire: posthorn({
    type: 'string',
    default: 'never',
    doc: 'How many days messages stay at least, told to clients (RFC 2449 EXPIRE): at QUIT, messages of INBOX that were read and are older are removed as `pop3_delete_type` says; 0: those that the session retrieved. `never`: nothing is removed.',
  }),
} as const
