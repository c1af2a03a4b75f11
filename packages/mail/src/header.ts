import { FieldCursor } from './field-cursor.ts'
import { asBuffer, type OctetString, octetsOf } from './octets.ts'

export interface HeaderField {
  /** As written. */
  readonly name: OctetString
  /** Octets after the colon, folding and line end included. */
  readonly rawValue: OctetString
  /** Offsets of the field in the scanned octets; `end` is after its line end. */
  readonly start: number
  readonly end: number
}

const lf = 0x0a
const cr = 0x0d

const toOctets = (header: OctetString | Uint8Array): OctetString =>
  typeof header === 'string' ? header : octetsOf(header)

/** Offset after the empty line that ends the header; the length when there is none. RFC 5322 §2.1. */
export const headerEnd = (message: Uint8Array): number => {
  const bytes = asBuffer(message)
  for (let line = 0; line < bytes.length; ) {
    if (bytes[line] === lf) return line + 1
    if (bytes[line] === cr && bytes[line + 1] === lf) return line + 2
    const next = bytes.indexOf(lf, line)
    if (next < 0) break
    line = next + 1
  }
  return bytes.length
}

/** Fields in order up to the empty line; lines that are no field are skipped. RFC 5322 §2.2. */
export function* headerFields(header: OctetString | Uint8Array): Generator<HeaderField> {
  const text = toOctets(header)
  const cursor = new FieldCursor(text)
  while (cursor.next()) {
    yield {
      name: text.slice(cursor.start, cursor.nameEnd),
      rawValue: text.slice(cursor.valueStart, cursor.end),
      start: cursor.start,
      end: cursor.end,
    }
  }
}

/** Line ends removed, blanks kept, trimmed at both ends. RFC 5322 §2.2.3. */
export const unfold = (rawValue: OctetString): OctetString => {
  const text = rawValue.includes('\n') || rawValue.includes('\r') ? rawValue.replace(/[\r\n]/g, '') : rawValue
  return trimBlanks(text)
}

/** Blanks and tabs only: octets such as 0xA0 belong to a character. */
export const trimBlanks = (text: OctetString): OctetString => {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return start === 0 && end === text.length ? text : text.slice(start, end)
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

/** First field of that name (any case), unfolded. */
export const findHeader = (header: OctetString | Uint8Array, name: string): OctetString | undefined => {
  const text = toOctets(header)
  const lower = name.toLowerCase()
  const cursor = new FieldCursor(text)
  while (cursor.next()) {
    if (cursor.nameEnd - cursor.start !== lower.length) continue
    if (text.slice(cursor.start, cursor.nameEnd).toLowerCase() !== lower) continue
    return unfold(text.slice(cursor.valueStart, cursor.end))
  }
  return undefined
}

/** The fields with these lower-case names, octet for octet, in order. RFC 9051 §6.4.5 HEADER.FIELDS. */
export const selectFields = (header: OctetString, names: ReadonlySet<string>): OctetString =>
  filterFields(header, (name) => names.has(name))

/** All fields but these. RFC 9051 §6.4.5 HEADER.FIELDS.NOT. */
export const excludeFields = (header: OctetString, names: ReadonlySet<string>): OctetString =>
  filterFields(header, (name) => !names.has(name))

const filterFields = (header: OctetString, keep: (lowerName: string) => boolean): OctetString => {
  const cursor = new FieldCursor(header)
  let kept = ''
  while (cursor.next()) {
    if (keep(header.slice(cursor.start, cursor.nameEnd).toLowerCase())) {
      kept += header.slice(cursor.start, cursor.end)
    }
  }
  return kept
}
