import { postfix } from './parameter.ts'

const code = (fallback: string, doc: string) =>
  postfix({ type: 'integer', default: fallback, min: 400, max: 599, doc })
const time = (fallback: string, doc: string) =>
  postfix({ type: 'time', default: fallback, unit: 's', min: 1, doc })
const override = <T extends 'string' | 'tables'>(name: string, type: T) =>
  postfix({
    type,
    default: `$${name}`,
    doc: `In place of ${name} for probes of addresses, where they are to go another way than mail.`,
  })
const tempfail = (what: string) =>
  postfix({
    type: 'choice',
    values: ['defer_if_permit', 'defer'],
    default: '$reject_tempfail_action',
    doc: `What reject_unverified_${what} does when nothing is known for sure: refuse for the time being if nothing else refuses, or at once.`,
  })

/** Probes of addresses: reject_unverified_sender, reject_unverified_recipient. */
export const addressVerification = {
  reject_tempfail_action: postfix({
    type: 'choice',
    values: ['defer_if_permit', 'defer'],
    default: 'defer_if_permit',
    doc: 'The default of the parameters that end in _tempfail_action.',
  }),
  unknown_address_tempfail_action: postfix({
    type: 'choice',
    values: ['defer_if_permit', 'defer'],
    default: '$reject_tempfail_action',
    doc: 'What reject_unknown_sender_domain and reject_unknown_recipient_domain do when the name server does not answer: refuse for the time being if nothing else refuses, or at once.',
  }),
  unknown_helo_hostname_tempfail_action: postfix({
    type: 'choice',
    values: ['defer_if_permit', 'defer'],
    default: '$reject_tempfail_action',
    doc: 'The same for reject_unknown_helo_hostname.',
  }),
  address_verify_map: postfix({
    type: 'string',
    default: 'btree:$data_directory/verify_cache',
    change: 'restart',
    doc: 'The file of known addresses (its type is not looked at); empty: they are known until the server stops.',
  }),
  address_verify_sender: postfix({
    type: 'string',
    default: '$double_bounce_sender',
    doc: 'The sender of probes; empty or `<>`: the null sender.',
  }),
  address_verify_sender_ttl: postfix({
    type: 'time',
    default: '0s',
    unit: 's',
    doc: 'The sender of probes has a number behind its name that changes that often, so that nobody profits from knowing it. 0 = it stays.',
  }),
  address_verify_relayhost: override('relayhost', 'string'),
  address_verify_transport_maps: override('transport_maps', 'tables'),
  address_verify_local_transport: override('local_transport', 'string'),
  address_verify_virtual_transport: override('virtual_transport', 'string'),
  address_verify_relay_transport: override('relay_transport', 'string'),
  address_verify_default_transport: override('default_transport', 'string'),
  address_verify_sender_dependent_relayhost_maps: override('sender_dependent_relayhost_maps', 'tables'),
  address_verify_sender_dependent_default_transport_maps: override(
    'sender_dependent_default_transport_maps',
    'tables',
  ),
  address_verify_poll_count: postfix({
    type: 'integer',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    default: '${stress?{1}:{3}}',
    min: 1,
    doc: 'How many times address_verify_poll_delay a client waits for a probe, before it is told to come again.',
  }),
  address_verify_poll_delay: time('3s', 'See address_verify_poll_count.'),
  address_verify_positive_expire_time: time('31d', 'How long an address that takes mail is believed to.'),
  address_verify_positive_refresh_time: time(
    '7d',
    'After this it is probed again, while it is still believed.',
  ),
  address_verify_negative_cache: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'Remember addresses that take no mail.',
  }),
  address_verify_negative_expire_time: time('3d', 'How long an address that takes no mail is believed to.'),
  address_verify_negative_refresh_time: time(
    '3h',
    'After this it is probed again, while it is still believed.',
  ),
  address_verify_pending_request_limit: postfix({
    type: 'integer',
    default: '5000',
    min: 1,
    doc: 'Probes at once; others wait for their next attempt.',
  }),
  unverified_sender_reject_code: code('450', 'Reply code for senders that take no mail.'),
  unverified_sender_defer_code: code('450', 'Reply code for senders of which nothing is known yet.'),
  unverified_sender_reject_reason: postfix({
    type: 'string',
    default: '',
    doc: "Told instead of the other server's words.",
  }),
  unverified_sender_tempfail_action: tempfail('sender'),
  unverified_recipient_reject_code: code('450', 'Reply code for recipients that take no mail.'),
  unverified_recipient_defer_code: code('450', 'Reply code for recipients of which nothing is known yet.'),
  unverified_recipient_reject_reason: postfix({
    type: 'string',
    default: '',
    doc: "Told instead of the other server's words.",
  }),
  unverified_recipient_tempfail_action: tempfail('recipient'),
} as const
