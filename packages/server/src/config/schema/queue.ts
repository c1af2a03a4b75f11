import { postfix } from './parameter.ts'

/** How long mail waits, and how it goes on to other hosts. */
export const queue = {
  queue_run_delay: postfix({
    type: 'time',
    default: '300s',
    unit: 's',
    min: 1,
    doc: 'How often deferred mail is looked at.',
  }),
  minimal_backoff_time: postfix({
    type: 'time',
    default: '300s',
    unit: 's',
    min: 1,
    doc: 'The first pause before a delivery is tried again; it doubles.',
  }),
  maximal_backoff_time: postfix({
    type: 'time',
    default: '4000s',
    unit: 's',
    min: 1,
    doc: 'The longest pause between attempts.',
  }),
  maximal_queue_lifetime: postfix({
    type: 'time',
    default: '5d',
    unit: 'd',
    doc: 'Mail that cannot be delivered is returned after this. 0 = after the first attempt.',
  }),
  bounce_queue_lifetime: postfix({
    type: 'time',
    default: '5d',
    unit: 'd',
    doc: 'The same for bounces, which are then dropped.',
  }),
  delay_warning_time: postfix({
    type: 'time',
    default: '0h',
    unit: 'h',
    doc: 'Tell the sender that mail is late after this. 0 = never.',
  }),
  confirm_delay_cleared: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Tell the sender when late mail, of which he was told, has been delivered after all.',
  }),
  notify_classes: postfix({
    type: 'list',
    default: 'resource, software',
    doc: 'What postmaster is told about: bounce, 2bounce, data, delay, policy, protocol, resource, software.',
  }),
  bounce_notice_recipient: postfix({
    type: 'string',
    default: 'postmaster',
    doc: 'Who gets copies of bounces when notify_classes has bounce.',
  }),
  '2bounce_notice_recipient': postfix({
    type: 'string',
    default: 'postmaster',
    doc: 'Who gets bounces that could not be returned.',
  }),
  error_notice_recipient: postfix({
    type: 'string',
    default: 'postmaster',
    doc: 'Who is told of trouble with policy, protocol, resources, software.',
  }),
  double_bounce_sender: postfix({
    type: 'string',
    default: 'double-bounce',
    doc: 'The sender of notices to postmaster; mail to it is dropped.',
  }),
  bounce_size_limit: postfix({
    type: 'octets',
    default: '50000',
    doc: 'How much of the message comes back with a bounce.',
  }),
  soft_bounce: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Turn every permanent error into a temporary one while a new configuration is tried.',
  }),
  default_transport: postfix({
    type: 'string',
    default: 'smtp',
    doc: 'How mail for other hosts is delivered: smtp, or `error: text`.',
  }),
  relay_transport: postfix({
    type: 'string',
    default: 'relay',
    doc: 'How mail for relay_domains is delivered.',
  }),
  relayhost: postfix({
    type: 'string',
    default: '',
    doc: 'Where all mail for other hosts goes: `example.net` (its MX), `[mail.example.net]` (that host), with `:port` after. Empty: directly to the MX of each domain.',
  }),
  sender_dependent_relayhost_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Sender address or @domain → relay host.',
  }),
  smtp_fallback_relay: postfix({
    type: 'list',
    default: '',
    doc: 'Hosts tried when the destination does not answer.',
  }),
  fast_flush_domains: postfix({
    type: 'list',
    default: '$relay_domains',
    doc: 'Destinations for which ETRN and `postqueue -s` are served.',
  }),
  default_destination_concurrency_limit: postfix({
    type: 'integer',
    default: '20',
    min: 1,
    doc: 'Deliveries to one destination at once.',
  }),
  smtp_destination_concurrency_limit: postfix({
    type: 'integer',
    default: '$default_destination_concurrency_limit',
    min: 1,
    doc: 'The same for the smtp transport.',
  }),
  local_destination_concurrency_limit: postfix({
    type: 'integer',
    default: '2',
    min: 1,
    doc: 'Deliveries to one local user at once.',
  }),
  initial_destination_concurrency: postfix({
    type: 'integer',
    default: '5',
    min: 1,
    doc: 'Deliveries to a new destination at once, before it has proven itself.',
  }),
  default_destination_recipient_limit: postfix({
    type: 'integer',
    default: '50',
    min: 1,
    doc: 'Recipients of one delivery.',
  }),
  smtp_destination_recipient_limit: postfix({
    type: 'integer',
    default: '$default_destination_recipient_limit',
    min: 1,
    doc: 'The same for the smtp transport.',
  }),
  default_destination_rate_delay: postfix({
    type: 'time',
    default: '0s',
    unit: 's',
    doc: 'Pause between two deliveries to one destination.',
  }),
  qmgr_message_active_limit: postfix({
    type: 'integer',
    default: '20000',
    min: 1,
    doc: 'Messages under delivery at once.',
  }),
} as const
