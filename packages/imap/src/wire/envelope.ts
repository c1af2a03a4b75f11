import type { AddressEntry, EnvelopeFields } from '@posthorn/mail'
import type { ResponseWriter } from './response.ts'

/** RFC 9051 §7.5.2. Sender and Reply-To default to From. */
export function writeEnvelope(out: ResponseWriter, envelope: EnvelopeFields): void {
  out.text('(').nstring(envelope.date).text(' ').nstring(envelope.subject)
  writeAddresses(out, envelope.from)
  writeAddresses(out, envelope.sender ?? envelope.from)
  writeAddresses(out, envelope.replyTo ?? envelope.from)
  writeAddresses(out, envelope.to)
  writeAddresses(out, envelope.cc)
  writeAddresses(out, envelope.bcc)
  out.text(' ').nstring(envelope.inReplyTo).text(' ').nstring(envelope.messageId).text(')')
}

/** Source routes (addr-adl) are obsolete and never kept. */
function writeAddresses(out: ResponseWriter, entries: readonly AddressEntry[]): void {
  if (entries.length === 0) {
    out.text(' NIL')
    return
  }
  out.text(' (')
  for (const { name, mailbox, host } of entries) {
    out.text('(').nstring(name).text(' NIL ').nstring(mailbox).text(' ').nstring(host).text(')')
  }
  out.text(')')
}
