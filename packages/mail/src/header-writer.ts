import { encodeWords } from './encoded-word.ts'

/** RFC 5322 §2.1.1: should, must. */
const softLimit = 78
const hardLimit = 990

/**
 * One header field with CRLF, folded at blanks. `value` is text: line ends and other control characters
 * become blanks, so that no value can begin a field of its own; what is not US-ASCII becomes RFC 2047 words.
 * RFC 5322 §2.2.3. Throws RangeError when `name` is no field name.
 */
export const formatField = (name: string, value: string): Buffer =>
  Buffer.from(foldField(name, encodeWords(value)), 'latin1')

/** As `formatField`, non-ASCII text left as UTF-8 (RFC 6532). */
export const formatUtf8Field = (name: string, value: string): Buffer =>
  Buffer.from(foldField(name, value.toWellFormed().replace(/[\0-\x1f\x7f]+/g, ' ')))

const foldField = (name: string, value: string): string => {
  if (!/^[\x21-\x39\x3b-\x7e]{1,70}$/.test(name)) throw new RangeError(`Cannot write header field: bad name`)
  let folded = `${name}:`
  let column = folded.length
  for (const word of splitLong(value.trim().split(/ +/))) {
    if (column + 1 + word.length > softLimit && column > name.length + 1) {
      folded += `\r\n ${word}`
      column = 1 + word.length
    } else {
      folded += ` ${word}`
      column += 1 + word.length
    }
  }
  return `${folded}\r\n`
}

/** No line may pass 998 octets: a longer word is cut. */
const splitLong = (words: readonly string[]): readonly string[] =>
  words.flatMap((word) => {
    if (word.length <= hardLimit) return [word]
    const pieces: string[] = []
    for (let i = 0; i < word.length; i += hardLimit) pieces.push(word.slice(i, i + hardLimit))
    return pieces
  })
