/**
 * Lower-case names of the header fields whose octets a summary keeps: ENVELOPE's, and those that the
 * message lists of Thunderbird, mutt, K-9 and Apple Mail ask for. A summary without one of them says that
 * the message has none. Adding a name needs a new summary version.
 */
export const keptFieldNames: ReadonlySet<string> = new Set([
  'bcc',
  'cc',
  'chat-version',
  'content-description',
  'content-type',
  'date',
  'disposition-notification-to',
  'from',
  'importance',
  'in-reply-to',
  'lines',
  'list-id',
  'list-post',
  'list-subscribe',
  'list-unsubscribe',
  'mail-followup-to',
  'message-id',
  'newsgroups',
  'priority',
  'received',
  'references',
  'reply-to',
  'sender',
  'subject',
  'to',
  'x-k9mail-identity',
  'x-label',
  'x-mailer',
  'x-original-to',
  'x-priority',
  'x-spam-flag',
])
