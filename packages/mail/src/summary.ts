import type { EnvelopeFields } from './envelope.ts'
import type { OctetString } from './octets.ts'
import type { Part } from './structure.ts'

/** What clients ask for over and over, computed once when a message arrives. Offsets count its octets. */
export interface MessageSummary {
  readonly sizeBytes: number
  /** Header block with its empty line. */
  readonly headerBytes: number
  /** Lines of the body (after the header). */
  readonly bodyLines: number
  /** Date field: instant in ms since 1970; undefined when absent or unreadable. */
  readonly sentMs: number | undefined
  /** Calendar date of the Date field in its own zone: days since 1970 (RFC 9051 §6.4.4 SENTON). */
  readonly sentDay: number | undefined
  /** Received fields, for loop detection. */
  readonly receivedCount: number
  /** The header fields named in `keptFieldNames`, octet for octet, folding included, in message order. */
  readonly fields: OctetString
  /** False when the header was too large: `fields` then answers nothing, read the header instead. */
  readonly fieldsComplete: boolean
  /** Octets above 127 in a header (RFC 6532), in a body; NUL anywhere; line feeds without CR. */
  readonly octetKinds: OctetKinds
  readonly envelope: EnvelopeFields
  readonly structure: Part
}

export interface OctetKinds {
  readonly utf8Header: boolean
  readonly eightBitBody: boolean
  readonly nul: boolean
  readonly bareLf: boolean
  /** See `LineEnds.arePlain`. */
  readonly plainLines: boolean
}
