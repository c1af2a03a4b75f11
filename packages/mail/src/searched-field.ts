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
  return `${text} ${plainAddresses(value)}`
}

const plainAddresses = (value: OctetString): string => {
  const plain = parseAddressEntries(value).flatMap(({ mailbox, host }) =>
    mailbox === undefined || host === undefined ? [] : [`${mailbox}@${host}`],
  )
  return decodeWords(plain.join(', '))
}

/** Octets that are decoded in one go, so that nobody has to wait for a whole long field. */
const pieceLength = 64 * 1024
/** RFC 2047 §2 has 75. */
const longestWord = 1024
const openWord = /=\?[^? \t]+\?[bq]\?[^?]*$/i

/**
 * The same in pieces to be put together; long values are cut at blanks. Octets that claim no charset are read in each piece
 * by themselves.
 */
export function* searchedPieces(name: string, value: OctetString): Generator<string> {
  if (value.length <= 2 * pieceLength) {
    yield searchedField(name, value)
    return
  }
  for (let start = 0; start < value.length; ) {
    const { end, next } = cutBehind(value, start)
    yield decodeWords(value.slice(start, end))
    start = next
  }
  if (addressFields.has(name) && oddAddress.test(value)) yield ` ${plainAddresses(value)}`
}

/** At a blank outside encoded words; those between two words go (RFC 2047 §6.2). */
const cutBehind = (value: OctetString, start: number): { readonly end: number; readonly next: number } => {
  const limit = Math.min(value.length, start + 2 * pieceLength)
  const blanks = /[ \t]+/g
  blanks.lastIndex = start + pieceLength
  for (let blank = blanks.exec(value); blank !== null && blank.index < limit; blank = blanks.exec(value)) {
    const next = blanks.lastIndex
    if (value.startsWith('?=', blank.index - 2) && value.startsWith('=?', next))
      return { end: blank.index, next }
    const before = value.slice(Math.max(start, blank.index - longestWord), blank.index)
    if (!openWord.test(before)) return { end: next, next }
  }
  return { end: limit, next: limit }
}
