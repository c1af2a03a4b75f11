import { hash } from 'node:crypto'
import { messageIds, referencesOf } from './references.ts'
import { summaryFlag } from './summary-format.ts'
import type { SummaryReader } from './summary-reader.ts'

/** 96 bits in base64url. */
const idLength = 16

/**
 * Names the conversation that a message belongs to: the first identifier of its References, else of In-Reply-To,
 * else its own; the same for all answers to one message, and for ever. undefined for a message without any.
 * RFC 8474 §5.2.
 */
export const conversationOf = (reader: SummaryReader): string | undefined => {
  const complete = (reader.flags & summaryFlag.fieldsComplete) !== 0
  const fields = complete ? reader.bytes.toString('latin1', reader.fieldsStart, reader.fieldsEnd) : ''
  const root = referencesOf(fields)[0] ?? firstOfEnvelope(reader)
  return root === undefined ? undefined : hash('sha256', root, 'base64url').slice(0, idLength)
}

const firstOfEnvelope = (reader: SummaryReader): string | undefined => {
  reader.toEnvelope()
  reader.skipString()
  reader.skipString()
  for (let field = 0; field < 6; field++) reader.skipAddresses()
  const [answered] = messageIds(reader.octets() ?? '')
  return answered ?? messageIds(reader.octets() ?? '')[0]
}
