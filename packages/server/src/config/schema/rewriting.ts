import { postfix, posthorn } from './parameter.ts'

/** Which addresses are rewritten, and in whose mail. */
export const rewriting = {
  canonical_classes: postfix({
    type: 'list',
    default: 'envelope_sender, envelope_recipient, header_sender, header_recipient',
    doc: 'Which addresses canonical_maps rewrites.',
  }),
  sender_canonical_classes: postfix({
    type: 'list',
    default: 'envelope_sender, header_sender',
    doc: 'Which addresses sender_canonical_maps rewrites.',
  }),
  recipient_canonical_classes: postfix({
    type: 'list',
    default: 'envelope_recipient, header_recipient',
    doc: 'Which addresses recipient_canonical_maps rewrites.',
  }),
  masquerade_domains: postfix({
    type: 'list',
    default: '',
    doc: 'Domains whose hosts are hidden: `user@host.D` becomes `user@D`. The first that fits decides; `!D` leaves a domain alone.',
  }),
  masquerade_exceptions: postfix({
    type: 'list',
    default: '',
    doc: 'Users whose addresses masquerade_domains leaves alone.',
  }),
  masquerade_classes: postfix({
    type: 'list',
    default: 'envelope_sender, header_sender, header_recipient',
    doc: 'Which addresses masquerade_domains rewrites.',
  }),
  propagate_unmatched_extensions: postfix({
    type: 'list',
    default: 'canonical, virtual',
    doc: 'Which tables give the extension of an address on (`user+list`) where they name the address without: canonical, virtual, alias, forward, include, generic.',
  }),
  srs_domain: posthorn({
    type: 'string',
    default: '',
    doc: 'Mail of a stranger that a user or an alias of ours forwards to another site leaves with a sender in this domain (Sender Rewriting Scheme), so that SPF holds; what comes back for it goes on to the sender. The domain needs an MX record that leads here. Empty: senders stay as they are.',
  }),
  srs_secret_file: posthorn({
    type: 'file',
    default: '',
    doc: 'A file with the secret of srs_domain, the same on all servers of the site. Empty: $data_directory/srs.secret, made at the first use.',
  }),
  remote_header_rewrite_domain: postfix({
    type: 'string',
    default: '',
    doc: 'A domain, `domain.invalid` for instance, that completes addresses without one in the header of mail that does not come from local_header_rewrite_clients; what it lacks (Date, From, Message-ID) is added, too. Empty: the header of such mail stays as it is.',
  }),
  header_from_format: postfix({
    type: 'choice',
    values: ['standard', 'obsolete'],
    default: 'standard',
    doc: 'How sendmail writes the From of a message that has none: `Full Name <address>`, or `address (Full Name)`.',
  }),
  empty_address_recipient: postfix({
    type: 'string',
    default: 'MAILER-DAEMON',
    doc: 'Who gets mail that sendmail addresses to nobody, `<>`.',
  }),
  undisclosed_recipients_header: postfix({
    type: 'string',
    default: '',
    doc: 'A header field for mail of our own clients that has neither To nor Cc, `To: undisclosed-recipients:;` for instance. Empty: none.',
  }),
  message_drop_headers: postfix({
    type: 'list',
    default: 'bcc, content-length, resent-bcc, return-path',
    doc: 'Header fields that no message keeps.',
  }),
  message_strip_characters: postfix({
    type: 'string',
    default: '',
    raw: true,
    doc: 'Octets that are taken out of messages, `\\0` for instance: \\a \\b \\f \\n \\r \\t \\v \\nnn (octal) \\\\.',
  }),
  message_reject_characters: postfix({
    type: 'string',
    default: '',
    raw: true,
    doc: 'Octets that no message may have: it is refused with 550 5.7.1. Written as in message_strip_characters.',
  }),
  enable_original_recipient: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'Add X-Original-To, the recipient before aliases, to mail for our mailboxes.',
  }),
  allow_percent_hack: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'At our domains `user%host@domain` means `user@host`. With no it is a local part like others.',
  }),
  swap_bangpath: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'At our domains `host!user@domain` means `user@host`. With no it is a local part like others.',
  }),
  resolve_numeric_domain: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Take `user@192.0.2.1` in MAIL FROM and RCPT TO for `user@[192.0.2.1]`. With no it is no address: 501.',
  }),
  resolve_null_domain: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Take `user%@domain` and `!user@domain` at our domains for `user`. With no they are no addresses: 501.',
  }),
  allow_untrusted_routing: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Let strangers name a way through us (`user%host@domain`, `user@host@domain`). Makes an open relay where a domain of relay_domains trusts this server.',
  }),
  local_header_rewrite_clients: postfix({
    type: 'list',
    default: 'permit_inet_interfaces, permit_sasl_authenticated',
    doc: 'Whose mail has its header completed and rewritten: permit_inet_interfaces, permit_mynetworks, permit_sasl_authenticated, type:table with client addresses. The header of all other mail stays as it is. (Default of Postfix: permit_inet_interfaces.)',
  }),
} as const
