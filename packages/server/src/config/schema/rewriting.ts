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
  local_header_rewrite_clients: postfix({
    type: 'list',
    default: 'permit_inet_interfaces, permit_sasl_authenticated',
    doc: 'Whose mail has its header completed and rewritten: permit_inet_interfaces, permit_mynetworks, permit_sasl_authenticated, type:table with client addresses. The header of all other mail stays as it is. (Default of Postfix: permit_inet_interfaces.)',
  }),
} as const
