import { postfix, posthorn } from './parameter.ts'

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
    default: '2bounce, resource, software',
    doc: 'What postmaster gets a copy of: `bounce` (mail that was returned; sessions in which a recipient was unknown), `delay` (warnings), `2bounce` (reports that cannot be delivered); sessions, as a transcript, with what was refused by `policy`, tables without an answer (`data`), errors of `protocol` (in sessions with other servers, too), want of a `resource`, faults of `software`. (Default of Postfix: resource, software, so that nobody hears of such reports.)',
  }),
  bounce_notice_recipient: postfix({
    type: 'string',
    default: 'postmaster',
    doc: 'Who gets copies of bounces when notify_classes has bounce.',
  }),
  delay_notice_recipient: postfix({
    type: 'string',
    default: 'postmaster',
    doc: 'Who gets copies of delay warnings when notify_classes has delay.',
  }),
  bounce_template_file: postfix({
    type: 'file',
    default: '',
    doc: 'A file with texts of our own for reports (bounce(5)): failure_template, delay_template, success_template; with $macros, in UTF-8.',
  }),
  '2bounce_notice_recipient': postfix({
    type: 'string',
    default: 'postmaster',
    doc: 'Who gets bounces that could not be returned.',
  }),
  error_notice_recipient: postfix({
    type: 'string',
    default: 'postmaster',
    doc: 'Who is told of trouble with policy, data, protocol, resources, software when notify_classes has them.',
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
  enable_threaded_bounces: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'References and In-Reply-To of bounces, delay warnings and success reports name the message, so that readers show them beside it.',
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
    doc: 'Where all mail for other hosts goes: `example.net` (its MX), `[mail.example.net]` (that host), with `:port` after; several, to be tried in this order. Empty: directly to the MX of each domain.',
  }),
  sender_dependent_relayhost_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Sender address or @domain → relay host.',
  }),
  sender_dependent_default_transport_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Sender address or @domain → transport in the place of default_transport, `slow:`, `smtp:[host]`.',
  }),
  empty_address_relayhost_maps_lookup_key: postfix({
    type: 'string',
    default: '<>',
    doc: 'The key for the null sender in sender_dependent_relayhost_maps.',
  }),
  empty_address_default_transport_maps_lookup_key: postfix({
    type: 'string',
    default: '<>',
    doc: 'The key for the null sender in sender_dependent_default_transport_maps.',
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
  local_destination_concurrency_limit: postfix({
    type: 'integer',
    default: '2',
    min: 1,
    instead: 'mail for our own mailboxes is placed when it is accepted; there is no queue to limit',
    doc: 'Deliveries to one local user at once.',
  }),
  defer_transports: postfix({
    type: 'list',
    default: '',
    doc: 'Transports whose mail waits until somebody asks for it: `postqueue -f`, ETRN.',
  }),
  smtp_destination_concurrency_limit: postfix({
    type: 'integer',
    default: '$default_destination_concurrency_limit',
    min: 1,
    doc: 'The same for the smtp transport. Every transport, also those of master.cf, may have its own: TRANSPORT_destination_concurrency_limit, TRANSPORT_initial_destination_concurrency, TRANSPORT_destination_recipient_limit, TRANSPORT_destination_rate_delay, TRANSPORT_transport_rate_delay, TRANSPORT_destination_concurrency_positive_feedback, …_negative_feedback, …_failed_cohort_limit.',
  }),
  smtp_destination_recipient_limit: postfix({
    type: 'integer',
    default: '$default_destination_recipient_limit',
    min: 1,
    doc: 'Recipients of one delivery by smtp.',
  }),
  smtp_destination_rate_delay: postfix({
    type: 'time',
    default: '$default_destination_rate_delay',
    unit: 's',
    doc: 'Pause between two deliveries of the smtp transport to one destination.',
  }),
  smtp_transport_rate_delay: postfix({
    type: 'time',
    default: '$default_transport_rate_delay',
    unit: 's',
    doc: 'Pause between two deliveries of the smtp transport, wherever they go; they come one after the other.',
  }),
  initial_destination_concurrency: postfix({
    type: 'integer',
    default: '5',
    min: 1,
    doc: 'Deliveries to a new destination at once, before it has proven itself.',
  }),
  default_destination_concurrency_positive_feedback: postfix({
    type: 'string',
    default: '1',
    doc: 'What each success adds to the deliveries to a destination at once: a number up to 1, `1/4`, `1/concurrency`, `1/sqrt_concurrency` (SCHEDULER_README).',
  }),
  default_destination_concurrency_negative_feedback: postfix({
    type: 'string',
    default: '1',
    doc: 'What each failure to reach a destination takes from them, in the same forms.',
  }),
  default_destination_concurrency_failed_cohort_limit: postfix({
    type: 'integer',
    default: '1',
    min: 0,
    doc: 'A destination is left alone for $minimal_backoff_time when so many times as many deliveries have failed in a row as may run at once. 0 = never.',
  }),
  default_destination_recipient_limit: postfix({
    type: 'integer',
    default: '50',
    min: 1,
    doc: 'Recipients of one delivery.',
  }),
  default_destination_rate_delay: postfix({
    type: 'time',
    default: '0s',
    unit: 's',
    doc: 'Pause between two deliveries to one destination.',
  }),
  default_transport_rate_delay: postfix({
    type: 'time',
    default: '0s',
    unit: 's',
    doc: 'Pause between two deliveries by one transport, wherever they go: at most one message in so long a time. TRANSPORT_transport_rate_delay is that of one transport.',
  }),
  qmgr_message_active_limit: postfix({
    type: 'integer',
    default: '20000',
    min: 1,
    doc: 'Messages under delivery at once.',
  }),
  early_delivery: posthorn({
    type: 'boolean',
    default: 'yes',
    doc: 'Mail for one destination that is seen to answer soon is sent on while its client waits: the 250 of the next server makes ours, and whatever else it says is waited for with the message stored. `no`: every message is stored first.',
  }),
} as const
