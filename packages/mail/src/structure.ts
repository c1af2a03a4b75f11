import type { EnvelopeFields } from './envelope.ts'
import type { OctetString } from './octets.ts'

/** Name (lower case, RFC 2231 marks removed) and value (decoded to UTF-8 octets when it was RFC 2231). */
export type Parameter = readonly [name: OctetString, value: OctetString]

export interface Disposition {
  readonly type: OctetString
  readonly parameters: readonly Parameter[]
}

interface PartFields {
  /** Lower case. */
  readonly type: OctetString
  /** Lower case. */
  readonly subtype: OctetString
  readonly parameters: readonly Parameter[]
  readonly disposition?: Disposition
  readonly languages: readonly OctetString[]
  readonly location?: OctetString
  /** First octet of the part's own header; for the root 0. */
  readonly headerStart: number
  /** First octet after the header's empty line. */
  readonly bodyStart: number
  /** The line end before the boundary belongs to the boundary (RFC 2046 §5.1.1). */
  readonly bodyEnd: number
  /** Lines (line feeds) of the body. */
  readonly lines: number
}

interface SinglePartFields extends PartFields {
  readonly id?: OctetString
  readonly description?: OctetString
  /** Lower case, '7bit' when absent. */
  readonly encoding: OctetString
  readonly md5?: OctetString
}

export interface SinglePart extends SinglePartFields {
  readonly kind: 'text' | 'other'
}

/** message/rfc822, message/global: the body is a message whose root part is `content`. */
export interface MessagePart extends SinglePartFields {
  readonly kind: 'message'
  readonly envelope: EnvelopeFields
  readonly content: Part
}

export interface MultipartPart extends PartFields {
  readonly kind: 'multipart'
  /** At least one. */
  readonly children: readonly Part[]
}

/** RFC 2045–2046 structure of a message. Iterate it; it may be 100 deep. */
export type Part = SinglePart | MessagePart | MultipartPart
