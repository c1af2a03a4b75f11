import { formatDate, formatField, makeMessageId } from '@posthorn/mail'
import {
  fieldEnd,
  HeaderEdits,
  type HeaderRewrites,
  rewritingTogether,
  rewrittenField,
} from '../rewriting/header-addresses.ts'
import { Together } from '../tables/index.ts'
import { type HeaderFacts, isNamed } from './header-gate.ts'

export interface OwnHeader {
  readonly myhostname: string
  readonly queueId: string
  /** For `From:` where there is none. Throws LookupWaits and LookupFailed. */
  readonly sender: () => string
  readonly nowMs: number
  readonly offsetMinutes: number
  /** undefined: addresses stay as they are. */
  readonly rewrites: HeaderRewrites | undefined
  /** For a message that names no recipient. Postfix: undisclosed_recipients_header; '' = nothing. */
  readonly undisclosed?: string | undefined
}

/** Names of fields that no message keeps, by their first letter. Postfix: message_drop_headers. */
export type DroppedFields = ReadonlyMap<number, readonly string[]>

const lowerCaseBit = 0x20

export function droppedFields(names: readonly string[]): DroppedFields {
  const folded = names.map((name) => name.toLowerCase())
  return Map.groupBy(folded, (name) => name.charCodeAt(0) | lowerCaseBit)
}

/** Who is a blind copy is nobody's business, and the return path is written at delivery. */
export const defaultDroppedFields: DroppedFields = droppedFields([
  'bcc',
  'content-length',
  'resent-bcc',
  'return-path',
])

/** The header of a stranger's message: nothing is added to it. */
export function dropFields(header: Buffer, dropped: DroppedFields): Buffer {
  let edits: HeaderEdits | undefined
  for (let start = 0; start < header.length; ) {
    const lineEnd = header.indexOf(lf, start)
    let end = lineEnd === -1 ? header.length : lineEnd + 1
    if (isDropped(header, start, dropped)) {
      edits ??= new HeaderEdits(header)
      end = fieldEnd(header, start)
      edits.replace(start, end, undefined)
    }
    start = end
  }
  return edits?.result() ?? header
}

/**
 * Mends the header of a message that one of our own users submits (RFC 6409 §8): Date, From and Message-ID
 * are added where missing, addresses without a domain get myorigin, Bcc goes. Postfix: cleanup(8). Throws LookupWaits
 * and LookupFailed.
 */
export function mendHeader(
  header: Buffer,
  facts: HeaderFacts,
  own: OwnHeader,
  dropped: DroppedFields = defaultDroppedFields,
): Buffer {
  const edits = new HeaderEdits(header)
  const resent = new Set<string>()
  const together = new Together()
  const rewrites = own.rewrites && rewritingTogether(own.rewrites, together)
  for (let start = 0; start < header.length; ) {
    const end = fieldEnd(header, start)
    const again = resentField(header, start)
    if (again !== undefined) resent.add(again)
    if (isDropped(header, start, dropped)) edits.replace(start, end, undefined)
    else if (rewrites !== undefined) {
      const field = rewrittenField(header, start, end, rewrites)
      if (field !== undefined) edits.replace(start, end, field)
    }
    start = end
  }
  together.settle()
  addMissing(edits, facts, own, resent)
  return edits.result()
}

/** RFC 5322 §3.6.6: what is sent again gets fields of its own; those of its author stay as they are. */
function addMissing(edits: HeaderEdits, facts: HeaderFacts, own: OwnHeader, resent: Set<string>): void {
  const isResent = resent.size > 0
  const prefix = isResent ? 'Resent-' : ''
  const add = (name: string, value: string) => edits.append(formatField(`${prefix}${name}`, value))
  if (isResent ? !resent.has('date') : !facts.hasDate) add('Date', formatDate(own.nowMs, own.offsetMinutes))
  if (isResent ? !resent.has('from') : !facts.hasFrom) {
    const sender = own.sender()
    add('From', sender === '' ? `MAILER-DAEMON@${own.myhostname}` : sender)
  }
  const { undisclosed = '' } = own
  if (undisclosed !== '' && !facts.namesRecipients) edits.append(Buffer.from(`${undisclosed}\r\n`))
  if (isResent ? resent.has('message-id') : facts.messageId !== undefined) return
  const messageId = makeMessageId(own.nowMs, own.queueId, own.myhostname)
  facts.messageId ??= messageId
  add('Message-ID', messageId)
}

const lf = 0x0a
const resentPrefix = 'resent-'

/** `date` of `Resent-Date:`. */
function resentField(header: Buffer, start: number): string | undefined {
  // No text is made of the many `Received` fields.
  for (let i = 0; i < resentPrefix.length; i++)
    if (((header[start + i] ?? 0) | lowerCaseBit) !== resentPrefix.charCodeAt(i)) return undefined
  const name =
    header
      .toString('latin1', start, start + 24)
      .split(':', 1)[0]
      ?.trimEnd()
      .toLowerCase() ?? ''
  return name.startsWith(resentPrefix) ? name.slice(resentPrefix.length) : undefined
}

function isDropped(header: Buffer, start: number, dropped: DroppedFields): boolean {
  const names = dropped.get((header[start] ?? 0) | lowerCaseBit)
  return names?.some((name) => isNamed(header, start, name)) === true
}
