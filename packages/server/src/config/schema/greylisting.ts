import { posthorn } from './parameter.ts'

/** Postgrey, built in. */
export const greylisting = {
  greylist: posthorn({
    type: 'boolean',
    default: 'no',
    doc: 'Greylist every stranger after all other restrictions, as if `greylist` stood at the end of smtpd_recipient_restrictions.',
  }),
  greylist_delay: posthorn({
    type: 'time',
    default: '60s',
    unit: 's',
    doc: 'How long an unknown triplet (client network, sender, recipient) waits. (postgrey --delay, there 300.)',
  }),
  greylist_retry_window: posthorn({
    type: 'time',
    default: '2d',
    unit: 'd',
    doc: 'A triplet that is not tried again within this is forgotten. (postgrey --retry-window)',
  }),
  greylist_max_age: posthorn({
    type: 'time',
    default: '35d',
    unit: 'd',
    doc: 'A triplet that has passed is forgotten when not seen for this. (postgrey --max-age)',
  }),
  greylist_auto_whitelist_clients: posthorn({
    type: 'integer',
    default: '5',
    doc: 'A client network waits no more after so many of its triplets have passed. 0 = never. (postgrey --auto-whitelist-clients)',
  }),
  greylist_whitelist_clients: posthorn({
    type: 'list',
    default: '',
    doc: "Files with clients that never wait, in postgrey's format: names, addresses, networks, /expressions/.",
  }),
  greylist_whitelist_recipients: posthorn({
    type: 'list',
    default: '',
    doc: "Files with recipients that nobody waits for, in postgrey's format: `user@`, domains, addresses, /expressions/.",
  }),
  greylist_vouchers: posthorn({
    type: 'list',
    default: 'spf',
    doc: "Who speaks for a stranger, so that it does not wait: `spf`: the sender's domain names the client in its SPF record; `dkim`: it has signed the message, so that a stranger is put off at the end of the message instead of at RCPT TO, all its recipients together. Networks that have passed greylist_auto_whitelist_clients times never wait in any case.",
  }),
  greylist_text: posthorn({
    type: 'string',
    default: 'Greylisted, try again in %s seconds',
    raw: true,
    doc: 'The text of the refusal; %s is the number of seconds left.',
  }),
} as const
