import { postfix, posthorn } from './parameter.ts'

/** Who we are, and which domains are ours. */
export const identity = {
  myhostname: postfix({
    type: 'string',
    default: '',
    computed: true,
    doc: 'The fully-qualified name of this host: in the greeting, HELO, Received, and the default of many parameters. Default: the name of the machine, with .localdomain when it has no domain.',
  }),
  mydomain: postfix({
    type: 'string',
    default: '',
    computed: true,
    doc: 'The domain of this site. Default: myhostname without its first label.',
  }),
  myorigin: postfix({
    type: 'string',
    default: '$myhostname',
    doc: 'The domain of mail that is posted here without one (`From: alice`), and the domain of recipients without one. A file name (starting with /) is read: its first line counts.',
  }),
  mydestination: postfix({
    type: 'list',
    default: '$myhostname, localhost.$mydomain, localhost',
    doc: 'Domains whose mail is delivered here. `user@D` is the account `user` at auth_default_realm for each D of this list. A word may also be a file (/path, one domain a line) or a table (hash:/path). Empty: no local domain but those added by `posthorn domain add`.',
  }),
  mail_name: postfix({
    type: 'string',
    default: 'Posthorn',
    doc: 'The name of the mail system in the greeting and in Received.',
  }),
  mail_version: postfix({
    type: 'string',
    default: '0.1.0',
    doc: 'The version of the mail system.',
  }),
  smtpd_banner: postfix({
    type: 'string',
    default: '$myhostname ESMTP $mail_name',
    doc: 'The text after 220. It must begin with $myhostname (RFC 5321 §4.3.1).',
  }),
  append_dot_mydomain: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Complete `user@host` to `user@host.$mydomain` in mail that is posted here.',
  }),
  append_at_myorigin: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'Complete `user` to `user@$myorigin` in mail that is posted here.',
  }),
  recipient_delimiter: postfix({
    type: 'string',
    default: '+',
    doc: 'Characters that separate a user from an address extension: mail for `alice+shop` is delivered to alice. (Default of Postfix: none.)',
  }),
  auth_default_realm: posthorn({
    type: 'string',
    default: '$myorigin',
    doc: "The domain of accounts and logins without one: `posthorn user add alice` makes alice@$auth_default_realm. (Dovecot's name; its default there is none.)",
  }),
  compatibility_level: postfix({
    effect: 'asked',
    type: 'string',
    default: '3.9',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    doc: 'Read for the sake of `${{$compatibility_level} <level {3.6} ? …}` in copied settings; the defaults of Posthorn do not change with it.',
  }),
} as const
