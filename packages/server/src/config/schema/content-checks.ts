import { postfix } from './parameter.ts'

/** What headers and text of a message may hold. */
export const contentChecks = {
  header_checks: postfix({
    type: 'tables',
    default: '',
    doc: 'Patterns for header fields (header_checks(5)): REJECT, WARN, DISCARD, HOLD, IGNORE, PREPEND, REPLACE, REDIRECT, BCC, INFO, DUNNO. A field is looked at as a whole, its lines with LF between; the first pattern that fits decides.',
  }),
  mime_header_checks: postfix({
    type: 'tables',
    default: '$header_checks',
    doc: 'The same for MIME fields: Content-…, MIME-Version, and the headers of parts.',
  }),
  nested_header_checks: postfix({
    type: 'tables',
    default: '$header_checks',
    doc: 'The same for the headers of enclosed messages.',
  }),
  smtp_header_checks: postfix({
    type: 'tables',
    default: '',
    doc: 'The same for mail that leaves by SMTP, for the main header without its MIME fields: IGNORE, STRIP, REPLACE, PREPEND, WARN, INFO, DUNNO.',
  }),
  smtp_mime_header_checks: postfix({
    type: 'tables',
    default: '',
    doc: 'The same for its MIME fields and the headers of parts.',
  }),
  smtp_nested_header_checks: postfix({
    type: 'tables',
    default: '',
    doc: 'The same for the headers of enclosed messages.',
  }),
  smtp_body_checks: postfix({
    type: 'tables',
    default: '',
    doc: 'The same for lines of the text, within body_checks_size_limit.',
  }),
  body_checks: postfix({
    type: 'tables',
    default: '',
    doc: 'Patterns for lines of the text, as they were sent: encoded parts stay encoded. Lines beyond 2,048 octets are looked at in pieces.',
  }),
  body_checks_size_limit: postfix({
    type: 'octets',
    default: '51200',
    doc: 'How much of each part of a message body_checks looks at, in octets.',
  }),
  strict_7bit_headers: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Refuse mail with octets beyond ASCII in a header, those of parts included. Correct mail with SMTPUTF8 is refused, too.',
  }),
  strict_8bitmime_body: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Refuse mail with octets beyond ASCII in text that no Content-Transfer-Encoding announces.',
  }),
  strict_mime_encoding_domain: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Refuse mail with a multipart or an enclosed message that is itself in base64 or quoted-printable (RFC 2045 §6.4), or with message/partial and message/external-body that are not 7bit (RFC 2046 §5.2).',
  }),
  strict_8bitmime: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Both: strict_7bit_headers and strict_8bitmime_body.',
  }),
} as const
