import { hash } from 'node:crypto'
import { messageIds, referencesOf } from './references.ts'
import { summaryFlag } from './summary-format.ts'
import type { SummaryReader } from './summary-reader.ts'

/** 96 bits in base64url. */
const keyLength = 16

/** What stands for an identifier where conversations are kept: of one length, and telling nothing. RFC 8474 §5.2. */
export const conversationKey = (identifier: string): string =>
  hash('sha256', identifier, 'base64url').slice(0, keyLength)

/** A message's own identifier and those it refers to, the oldest first; as `conversationKey` makes them. */
export interface MessageIdentifiers {
  readonly own: string | undefined
  readonly references: readonly string[]
}

/**
 * References, or else the first identifier of In-Reply-To: RFC 5256 §3 REFERENCES.
 * @param header octets; without it undefined when the summary has not all fields
 */
export const messageIdentifiers = (
  reader: SummaryReader,
  header?: string,
): MessageIdentifiers | undefined => {
  const complete = (reader.flags & summaryFlag.fieldsComplete) !== 0
  if (!complete && header === undefined) return undefined
  const fields = header ?? reader.bytes.toString('latin1', reader.fieldsStart, reader.fieldsEnd)
  const references = referencesOf(fields)
  reader.toEnvelope()
  reader.skipString()
  reader.skipString()
  for (let field = 0; field < 6; field++) reader.skipAddresses()
  const [answered] = messageIds(reader.octets() ?? '')
  const [own] = messageIds(reader.octets() ?? '')
  if (references.length === 0 && answered !== undefined) references.push(answered)
  return {
    own: own === undefined ? undefined : conversationKey(own),
    references: references.map(conversationKey),
  }
}
