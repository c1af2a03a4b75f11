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
  /** Of somebody else, passed on for them: nothing is added or completed. Postfix: sendmail -G. */
  readonly context?: 'remote'
}

/** Postfix: message_drop_headers. Who is a blind copy is nobody's business. */
const droppedFields = ['bcc', 'resent-bcc', 'return-path']

/**
 * Mends the header of a message that one of our own users submits (RFC 6409 §8): Date, From and Message-ID
 * are added where missing, addresses without a domain get myorigin, Bcc goes. Postfix: cleanup(8).
 */
export function mendHeader(header: Buffer, facts: HeaderFacts, own: OwnHeader): Buffer {
  const edits = new HeaderEdits(header)
  const resent = new Set<string>()
  for (let start = 0; start < header.length; ) {
    const end = fieldEnd(header, start)
    const again = resentField(header, start)
    if (again !== undefined) resent.add(again)
    if (isDropped(header, start)) edits.replace(start, end, undefined)
    else if (own.context !== 'remote') {
      const field = rewrittenField(header, start, end, own.rewrites)
      if (field !== undefined) edits.replace(start, end, field)
    }
    start = end
  }
  if (own.context !== 'remote') addMissing(edits, facts, own, resent)
  return edits.result()
}

/** RFC 5322 §3.6.6: what is sent again gets fields of its own; those of its author stay as they are. */
function addMissing(edits: HeaderEdits, facts: HeaderFacts, own: OwnHeader, resent: Set<string>): void {
  const isResent = resent.size > 0
  const prefix = isResent ? 'Resent-' : ''
  const add = (name: string, value: string) => edits.append(formatField(`${prefix}${name}`, value))
  if (isResent ? !resent.has('date') : !facts.hasDate) add('Date', formatDate(own.nowMs, own.offsetMinutes))
  if (isResent ? !resent.has('from') : !facts.hasFrom)
    add('From', own.sender === '' ? `MAILER-DAEMON@${own.myhostname}` : own.sender)
  if (isResent ? resent.has('message-id') : facts.messageId !== undefined) return
  const messageId = makeMessageId(own.nowMs, own.queueId, own.myhostname)
  facts.messageId ??= messageId
  add('Message-ID', messageId)
}

const resentPrefix = 'resent-'

/** `date` of `Resent-Date:`. */
function resentField(header: Buffer, start: number): string | undefined {
  if (((header[start] ?? 0) | 0x20) !== 0x72) return undefined
  const name =
    header
      .toString('latin1', start, start + 24)
      .split(':', 1)[0]
      ?.trimEnd()
      .toLowerCase() ?? ''
  return name.startsWith(resentPrefix) ? name.slice(resentPrefix.length) : undefined
}

function isDropped(header: Buffer, start: number): boolean {
  const letter = (header[start] ?? 0) | 0x20
  if (letter !== 0x62 && letter !== 0x72) return false
  return droppedFields.some((name) => isNamed(header, start, name))
}
