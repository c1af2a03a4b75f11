import { excludeFields, type MessageSummary, type OctetString, octetsOf, selectFields } from '@posthorn/mail'
import type { SectionItem } from '../wire/fetch-items.ts'
import type { ResponseWriter } from '../wire/response.ts'
import type { Partial } from '../wire/section.ts'
import { sectionRange } from '../wire/section-range.ts'

/** Octets of a stored message [start, end), its trace prefix counted. */
export interface OctetRange {
  readonly start: number
  readonly end: number
}

/**
 * The octets to read for an item: for HEADER.FIELDS the whole header, else what is sent, cut by `partial`.
 * undefined: no such part.
 */
export function octetRange(
  item: SectionItem,
  summary: MessageSummary,
  prefixBytes: number,
): OctetRange | undefined {
  const range = sectionRange(item.section, summary)
  if (range === undefined) return undefined
  const start = range.prefixed ? range.start : range.start + prefixBytes
  const end = range.end + prefixBytes
  return selects(item) ? { start, end } : cut(start, end, item.partial)
}

export function selects({ section }: SectionItem): boolean {
  return section.what === 'fields' || section.what === 'fields-not'
}

function cut(start: number, end: number, partial: Partial | undefined): OctetRange {
  if (partial === undefined) return { start, end }
  const from = Math.min(start + partial.start, end)
  return { start: from, end: Math.min(from + partial.length, end) }
}

/** `BODY[…] {n}` and the octets that `octetRange` named; NIL for undefined. */
export function writeSection(
  out: ResponseWriter,
  item: SectionItem,
  octets: Buffer | undefined,
  nul: 'may-have-nul' | 'no-nul',
): void {
  out.text(item.label).text(' ')
  if (octets === undefined) out.text('NIL')
  else if (selects(item)) writeFields(out, item, octetsOf(octets))
  else out.literal(nul === 'no-nul' ? octets : withoutNul(octets))
}

/** HEADER.FIELDS and .NOT: the fields, and the empty line that ends a header. RFC 9051 §6.4.5.1. */
export function writeFields(
  out: ResponseWriter,
  { section, partial }: SectionItem,
  header: OctetString,
): void {
  const select = section.what === 'fields' ? selectFields : excludeFields
  const text = `${select(header, section.names)}\r\n`
  const { start, end } = cut(0, text.length, partial)
  const sent = partial === undefined ? text : text.slice(start, end)
  out.literalStart(sent.length).text(sent.includes('\0') ? sent.replaceAll('\0', '\x80') : sent)
}

/** A literal has no NUL (RFC 9051 §4.3): where a message has one, 0x80 is sent, as Dovecot does. */
export function withoutNul(octets: Buffer): Buffer {
  if (!octets.includes(0)) return octets
  const clean = Buffer.from(octets)
  for (let at = clean.indexOf(0); at >= 0; at = clean.indexOf(0, at + 1)) clean[at] = 0x80
  return clean
}
