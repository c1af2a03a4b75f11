import { postfix } from './parameter.ts'

const restrictionList = (stage: string) => ({
  type: 'restrictions' as const,
  default: '',
  doc: `Restrictions tried in order ${stage}; the first that decides ends the list.`,
})

/** Who may send what where. */
export const relaying = {
  mynetworks: postfix({
    type: 'networks',
    default: '',
    computed: true,
    doc: 'Trusted clients: they may relay (permit_mynetworks) and are never slowed. Networks in CIDR form, `[::1]/128`, files and tables; `!` excludes. Default: by mynetworks_style.',
  }),
  mynetworks_style: postfix({
    type: 'choice',
    values: ['host', 'subnet', 'class'],
    default: 'host',
    doc: 'What mynetworks is when it is not set: `host` this machine; `subnet` the networks of its interfaces; `class` is not supported by any sane network and read as subnet.',
  }),
  relay_domains: postfix({
    type: 'list',
    default: '',
    doc: 'Domains that mail is accepted for from anybody, to be passed on (backup MX). Domains, files, tables.',
  }),
  relay_recipient_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Tables with the valid addresses of relay_domains. Empty: all.',
  }),
  parent_domain_matches_subdomains: postfix({
    type: 'list',
    default:
      'debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,qmqpd_authorized_clients,relay_domains,smtpd_access_maps',
    doc: 'Lists and tables in which `example.com` also matches its subdomains; elsewhere `.example.com` does.',
  }),
  smtpd_client_restrictions: postfix(restrictionList('for each connection')),
  smtpd_helo_restrictions: postfix(restrictionList('at HELO or EHLO')),
  smtpd_sender_restrictions: postfix(restrictionList('at MAIL FROM')),
  smtpd_relay_restrictions: postfix({
    type: 'restrictions',
    default: 'permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination',
    doc: 'Who may relay, tried at RCPT TO beside smtpd_recipient_restrictions. One of the two must end in a refusal of strangers, or the server does not start. (Default of Postfix: defer_unauth_destination as the last.)',
  }),
  smtpd_recipient_restrictions: postfix(restrictionList('at RCPT TO')),
  smtpd_data_restrictions: postfix(restrictionList('at DATA')),
  smtpd_end_of_data_restrictions: postfix(restrictionList('after the message')),
  smtpd_etrn_restrictions: postfix(restrictionList('at ETRN')),
  smtpd_restriction_classes: postfix({
    type: 'list',
    default: '',
    doc: 'Names that become parameters holding a list of restrictions, to be named in access tables.',
  }),
  smtpd_relay_before_recipient_restrictions: postfix({
    effect: 'later',
    type: 'boolean',
    default: 'yes',
    doc: 'Try smtpd_relay_restrictions before smtpd_recipient_restrictions.',
  }),
  smtpd_delay_reject: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'Hold refusals of client, HELO and sender back until RCPT TO, so that the log names the recipient.',
  }),
  smtpd_helo_required: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Refuse MAIL FROM before HELO or EHLO.',
  }),
  smtpd_reject_unlisted_recipient: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'Refuse unknown recipients of our domains at RCPT TO (550 5.1.1), whatever the restrictions say.',
  }),
  smtpd_reject_unlisted_sender: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Refuse senders in our domains that do not exist.',
  }),
  smtpd_reject_footer: postfix({
    type: 'string',
    default: '',
    raw: true,
    doc: 'Text put after each refusal (4yz and 5yz); \\c continues the line, $client_address and its kind are filled in.',
  }),
  smtpd_sender_login_maps: postfix({
    effect: 'later',
    type: 'tables',
    default: '',
    doc: 'Sender address → login names that may use it (reject_sender_login_mismatch). Beside it each account owns its own address.',
  }),
  smtpd_null_access_lookup_key: postfix({
    effect: 'later',
    type: 'string',
    default: '<>',
    doc: 'The key for the null sender in access tables.',
  }),
  disable_vrfy_command: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Refuse VRFY.',
  }),
  default_rbl_reply: postfix({
    effect: 'later',
    type: 'string',
    default:
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
      '$rbl_code Service unavailable; $rbl_class [$rbl_what] blocked using $rbl_domain${rbl_reason?; $rbl_reason}',
    raw: true,
    doc: 'The reply to clients that a DNS block list names.',
  }),
  rbl_reply_maps: postfix({
    effect: 'later',
    type: 'tables',
    default: '',
    doc: 'Replies by DNS list, instead of default_rbl_reply.',
  }),
  maps_rbl_reject_code: postfix({
    type: 'integer',
    default: '554',
    min: 400,
    max: 599,
    doc: 'Reply code for reject_rbl_client and its kind.',
  }),
  access_map_reject_code: postfix({
    type: 'integer',
    default: '554',
    min: 400,
    max: 599,
    doc: 'Reply code for REJECT in an access table.',
  }),
  access_map_defer_code: postfix({
    type: 'integer',
    default: '450',
    min: 400,
    max: 499,
    doc: 'Reply code for DEFER in an access table.',
  }),
  reject_code: postfix({
    type: 'integer',
    default: '554',
    min: 400,
    max: 599,
    doc: 'Reply code for `reject`.',
  }),
  defer_code: postfix({
    type: 'integer',
    default: '450',
    min: 400,
    max: 499,
    doc: 'Reply code for `defer`.',
  }),
  relay_domains_reject_code: postfix({
    type: 'integer',
    default: '554',
    min: 400,
    max: 599,
    doc: 'Reply code for reject_unauth_destination.',
  }),
  invalid_hostname_reject_code: postfix({
    type: 'integer',
    default: '501',
    min: 400,
    max: 599,
    doc: 'Reply code for reject_invalid_helo_hostname.',
  }),
  non_fqdn_reject_code: postfix({
    type: 'integer',
    default: '504',
    min: 400,
    max: 599,
    doc: 'Reply code for reject_non_fqdn_helo_hostname, _sender, _recipient.',
  }),
  unknown_address_reject_code: postfix({
    type: 'integer',
    default: '450',
    min: 400,
    max: 599,
    doc: 'Reply code for reject_unknown_sender_domain and reject_unknown_recipient_domain.',
  }),
  unknown_client_reject_code: postfix({
    type: 'integer',
    default: '450',
    min: 400,
    max: 599,
    doc: 'Reply code for reject_unknown_client_hostname.',
  }),
  unknown_hostname_reject_code: postfix({
    type: 'integer',
    default: '450',
    min: 400,
    max: 599,
    doc: 'Reply code for reject_unknown_helo_hostname.',
  }),
  unknown_local_recipient_reject_code: postfix({
    type: 'integer',
    default: '550',
    min: 400,
    max: 599,
    doc: 'Reply code for unknown users of our domains.',
  }),
  plaintext_reject_code: postfix({
    type: 'integer',
    default: '450',
    min: 400,
    max: 599,
    doc: 'Reply code for reject_plaintext_session.',
  }),
} as const
