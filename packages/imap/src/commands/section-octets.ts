import { octetsOf } from '@posthorn/mail'
import type { SectionItem } from '../wire/fetch-items.ts'
import type { FieldSelection } from '../wire/header-fields.ts'
import type { ResponseWriter } from '../wire/response.ts'
import type { Partial } from '../wire/section.ts'
import { type MessageShape, sectionRange } from '../wire/section-range.ts'
import type { FetchOutput } from './fetch-output.ts'

/** Octets of a stored message [start, end), its trace prefix counted. */
export interface OctetRange {
  readonly start: number
  readonly end: number
}

/** NUL has no place in a literal (RFC 9051 §4.3); most messages are known to have none. */
export type NulPresence = 'may-have-nul' | 'no-nul'

/**
 * The octets to read for an item: for HEADER.FIELDS the whole header, else what is sent, cut by `partial`.
 * undefined: no such part.
 */
export function octetRange(
  item: SectionItem,
  shape: MessageShape,
  prefixBytes: number,
): OctetRange | undefined {
  const range = sectionRange(item.section, shape)
  if (range === undefined) return undefined
  const start = range.prefixed ? range.start : range.start + prefixBytes
  const end = range.end + prefixBytes
  return selectsFields(item) ? { start, end } : cut(start, end, item.partial)
}

export function selectsFields({ section }: SectionItem): boolean {
  return section.what === 'fields' || section.what === 'fields-not'
}

function cut(start: number, end: number, partial: Partial | undefined): OctetRange {
  if (partial === undefined) return { start, end }
  const from = Math.min(start + partial.start, end)
  return { start: from, end: Math.min(from + partial.length, end) }
}

/** Sent from where they are when there are more. */
const passedBytes = 16 * 1024

/** What stands after `BODY[…] `: the octets that `octetRange` named; NIL for undefined. */
export function writeOctets(output: FetchOutput, octets: Buffer | undefined, nul: NulPresence): void {
  const { writer } = output
  if (octets === undefined) {
    writer.text('NIL')
    return
  }
  const clean = nul === 'no-nul' ? octets : withoutNul(octets)
  writer.literalStart(clean.length)
  if (clean.length > passedBytes && !output.copies) output.pass(clean)
  else writer.octets(clean)
}

/** The selected fields, and the empty line that ends a header. RFC 9051 §6.4.5.1. */
export function writeFields(
  out: ResponseWriter,
  selection: FieldSelection,
  partial: Partial | undefined,
  nul: NulPresence,
): void {
  if (partial === undefined && nul === 'no-nul') {
    out.literalStart(selection.lengthBytes + 2)
    selection.write(out)
    out.crlf()
    return
  }
  const from = out.length
  selection.write(out)
  const text = octetsOf(out.crlf().written(from))
  out.rewind(from)
  const { start, end } = cut(0, text.length, partial)
  out.literalStart(end - start).text(text.slice(start, end).replaceAll('\0', '\x80'))
}

/** 0x80 is sent in place of NUL, as Dovecot does. */
export function withoutNul(octets: Buffer): Buffer {
  let at = octets.indexOf(0)
  if (at < 0) return octets
  const clean = Buffer.from(octets)
  for (; at >= 0; at = clean.indexOf(0, at + 1)) clean[at] = 0x80
  return clean
}
