import { isNamed } from '../receive/header-gate.ts'
import { rewriteAddressField } from './address-field.ts'
import type { Rewrite } from './canonical.ts'

/** Postfix: header_opts.c. */
const senderFields = [
  'from',
  'sender',
  'reply-to',
  'errors-to',
  'return-receipt-to',
  'disposition-notification-to',
  'mail-followup-to',
  'resent-from',
  'resent-sender',
  'resent-reply-to',
]
const recipientFields = ['to', 'cc', 'resent-to', 'resent-cc', 'bcc', 'resent-bcc', 'apparently-to']

/** `DEFMRST`, `defmrst`, `ABCabc`: what the names above begin with. */
const firstLetters = new Set([...'abcdefmrst'].flatMap((letter) => [letter, letter.toUpperCase()]))
const firstOctets = new Set([...firstLetters].map((letter) => letter.charCodeAt(0)))

export interface HeaderRewrites {
  readonly sender: Rewrite
  readonly recipient: Rewrite
}

const lf = 0x0a

/** Each field with its continuation lines, as offsets. */
export function* fieldRanges(header: Buffer): Generator<readonly [start: number, end: number]> {
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

/** One field with its addresses rewritten; the same object when nothing changes. */
export function rewriteField(field: Buffer, rewrites: HeaderRewrites): Buffer {
  if (!firstOctets.has(field[0] ?? 0)) return field
  if (senderFields.some((name) => isNamed(field, 0, name))) return rewriteAddressField(field, rewrites.sender)
  if (recipientFields.some((name) => isNamed(field, 0, name)))
    return rewriteAddressField(field, rewrites.recipient)
  return field
}

/** A whole header with its addresses rewritten. */
export function rewriteHeader(header: Buffer, rewrites: HeaderRewrites): Buffer {
  const fields: Buffer[] = []
  let changed = false
  for (const [start, end] of fieldRanges(header)) {
    const field = header.subarray(start, end)
    const done = rewriteField(field, rewrites)
    changed ||= done !== field
    fields.push(done)
  }
  return changed ? Buffer.concat(fields) : header
}
