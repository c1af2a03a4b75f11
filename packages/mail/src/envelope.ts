import type { OctetString } from './octets.ts'

/**
 * One entry of an address field, RFC 9051 §7.5.2 style. `host` undefined marks a group's start (its name is
 * `mailbox`) or, with `mailbox` undefined too, its end.
 */
export interface AddressEntry {
  /** Display name as in the field, quotes removed, RFC 2047 words not decoded. */
  readonly name: OctetString | undefined
  /** `@one,@two` of an obsolete source route (RFC 5322 §4.4 obs-route); left out where there is none. */
  readonly route?: OctetString
  /** Local part, quotes removed. */
  readonly mailbox: OctetString | undefined
  /** '' when the address had no domain. */
  readonly host: OctetString | undefined
}

/** RFC 9051 §2.3.5: the fields of ENVELOPE as octets, unfolded. Lists are empty when absent. */
export interface EnvelopeFields {
  readonly date: OctetString | undefined
  readonly subject: OctetString | undefined
  readonly from: readonly AddressEntry[]
  /** undefined: as From (absent or empty, RFC 9051 §7.5.2). */
  readonly sender: readonly AddressEntry[] | undefined
  readonly replyTo: readonly AddressEntry[] | undefined
  readonly to: readonly AddressEntry[]
  readonly cc: readonly AddressEntry[]
  readonly bcc: readonly AddressEntry[]
  readonly inReplyTo: OctetString | undefined
  readonly messageId: OctetString | undefined
}
