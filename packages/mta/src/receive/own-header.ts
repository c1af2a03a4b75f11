import { formatDate, formatField, makeMessageId } from '@posthorn/mail'
import { completeAddressField } from './address-field.ts'
import { type HeaderFacts, isNamed } from './header-gate.ts'

export interface OwnHeader {
  readonly myhostname: string
  readonly queueId: string
  readonly sender: string
  readonly nowMs: number
  readonly offsetMinutes: number
  readonly complete: (address: string) => string
}

const addressFields = [
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'resent-from',
  'resent-sender',
  'resent-to',
  'resent-cc',
]
/** Postfix: message_drop_headers. Who is a blind copy is nobody's business. */
const droppedFields = ['bcc', 'resent-bcc', 'return-path']

const lf = 0x0a

/**
 * Mends the header of a message that one of our own users submits (RFC 6409 §8): Date, From and Message-ID
 * are added where missing, addresses without a domain get myorigin, Bcc goes. Postfix: cleanup(8).
 */
export function mendHeader(header: Buffer, facts: HeaderFacts, own: OwnHeader): Buffer {
  const parts: Buffer[] = []
  for (const [start, end] of fieldRanges(header)) {
    if (droppedFields.some((name) => isNamed(header, start, name))) continue
    const field = header.subarray(start, end)
    const isAddresses = addressFields.some((name) => isNamed(header, start, name))
    parts.push(isAddresses ? completeAddressField(field, own.complete) : field)
  }
  if (!facts.hasDate) parts.push(formatField('Date', formatDate(own.nowMs, own.offsetMinutes)))
  if (!facts.hasFrom)
    parts.push(formatField('From', own.sender === '' ? `MAILER-DAEMON@${own.myhostname}` : own.sender))
  if (facts.messageId === undefined) {
    facts.messageId = makeMessageId(own.nowMs, own.queueId, own.myhostname)
    parts.push(formatField('Message-ID', facts.messageId))
  }
  return Buffer.concat(parts)
}

/** Each field with its continuation lines. */
function* fieldRanges(header: Buffer): Generator<readonly [number, number]> {
  let start = 0
  while (start < header.length) {
    let end = start
    do {
      const lineEnd = header.indexOf(lf, end)
      end = lineEnd === -1 ? header.length : lineEnd + 1
    } while (header[end] === 0x20 || header[end] === 0x09)
    yield [start, end]
    start = end
  }
}
