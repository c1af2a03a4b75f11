import { formatDate, formatField, makeMessageId } from '@posthorn/mail'
import { fieldRanges, type HeaderRewrites, rewriteField } from '../rewriting/header-addresses.ts'
import { type HeaderFacts, isNamed } from './header-gate.ts'

export interface OwnHeader {
  readonly myhostname: string
  readonly queueId: string
  readonly sender: string
  readonly nowMs: number
  readonly offsetMinutes: number
  readonly rewrites: HeaderRewrites
}

/** Postfix: message_drop_headers. Who is a blind copy is nobody's business. */
const droppedFields = ['bcc', 'resent-bcc', 'return-path']

/**
 * Mends the header of a message that one of our own users submits (RFC 6409 §8): Date, From and Message-ID
 * are added where missing, addresses without a domain get myorigin, Bcc goes. Postfix: cleanup(8).
 */
export function mendHeader(header: Buffer, facts: HeaderFacts, own: OwnHeader): Buffer {
  const parts: Buffer[] = []
  for (const [start, end] of fieldRanges(header)) {
    if (droppedFields.some((name) => isNamed(header, start, name))) continue
    const field = header.subarray(start, end)
    parts.push(rewriteField(field, own.rewrites))
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
