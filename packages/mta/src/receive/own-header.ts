import { formatDate, formatField, makeMessageId } from '@posthorn/mail'
import { fieldEnd, HeaderEdits, type HeaderRewrites, rewrittenField } from '../rewriting/header-addresses.ts'
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
  const edits = new HeaderEdits(header)
  for (let start = 0; start < header.length; ) {
    const end = fieldEnd(header, start)
    if (isDropped(header, start)) edits.replace(start, end, undefined)
    else {
      const field = rewrittenField(header, start, end, own.rewrites)
      if (field !== undefined) edits.replace(start, end, field)
    }
    start = end
  }
  if (!facts.hasDate) edits.append(formatField('Date', formatDate(own.nowMs, own.offsetMinutes)))
  if (!facts.hasFrom)
    edits.append(formatField('From', own.sender === '' ? `MAILER-DAEMON@${own.myhostname}` : own.sender))
  if (facts.messageId === undefined) {
    facts.messageId = makeMessageId(own.nowMs, own.queueId, own.myhostname)
    edits.append(formatField('Message-ID', facts.messageId))
  }
  return edits.result()
}

function isDropped(header: Buffer, start: number): boolean {
  const letter = (header[start] ?? 0) | 0x20
  if (letter !== 0x62 && letter !== 0x72) return false
  return droppedFields.some((name) => isNamed(header, start, name))
}
