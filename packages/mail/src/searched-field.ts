import { parseAddressEntries } from './address-list.ts'
import { decodeWords } from './encoded-word.ts'
import type { OctetString } from './octets.ts'

const addressFields: ReadonlySet<string> = new Set(['from', 'to', 'cc', 'bcc', 'sender', 'reply-to'])
/** `user (comment)@ example.org`: nobody looks for an address as it is written there. RFC 5322 §3.2.2. */
const oddAddress = /[ \t)]@|@[ \t(]/

/** Some line may need `searchedField`. */
export const mayBeOdd = (block: string): boolean => oddAddress.test(block)

/**
 * A field's value as it is searched: RFC 2047 words decoded; behind addresses with blanks or comments within, the
 * same as ENVELOPE has them (RFC 9051 §6.4.4 FROM).
 * @param name lower case @param value unfolded
 */
export const searchedField = (name: string, value: OctetString): string => {
  const text = decodeWords(value)
  if (!addressFields.has(name) || !oddAddress.test(value)) return text
  const plain = parseAddressEntries(value).flatMap(({ mailbox, host }) =>
    mailbox === undefined || host === undefined ? [] : [`${mailbox}@${host}`],
  )
  return `${text} ${decodeWords(plain.join(', '))}`
}
