/**
 * Mailbox names between the wire and Unicode. Modified UTF-7 has one canonical form for each name; every
 * other spelling is refused, so that no mailbox has two names. RFC 3501 §5.1.3, RFC 9051 §5.1.
 */
import { isUtf8 } from 'node:buffer'
import { asciiUpper } from './ascii.ts'

const base64Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,'
const base64Values = new Map(Array.from(base64Alphabet, (char, value) => [char.charCodeAt(0), value]))
const ampersand = 0x26
const minus = 0x2d
/** Controls of ASCII and Latin-1, and the line and paragraph separators: RFC 6855 §3, RFC 5198 §2. */
const forbidden = /[\0-\x1f\x7f-\x9f\u2028\u2029]/

/** undefined when the octets are not the canonical modified UTF-7 of a name. */
export function decodeMailboxName(octets: Buffer): string | undefined {
  let name = ''
  let at = 0
  let afterShift = false
  while (at < octets.length) {
    const octet = octets[at]!
    if (octet < 0x20 || octet > 0x7e) return undefined
    if (octet !== ampersand) {
      name += String.fromCharCode(octet)
      afterShift = false
      at++
      continue
    }
    const end = octets.indexOf(minus, at + 1)
    if (end < 0) return undefined
    if (end === at + 1) {
      name += '&'
      afterShift = false
    } else {
      // Two shifts in a row could have been one.
      const decoded = afterShift ? undefined : decodeShift(octets.subarray(at + 1, end))
      if (decoded === undefined) return undefined
      name += decoded
      afterShift = true
    }
    at = end + 1
  }
  return canonicalName(name)
}

/** Names as UTF-8 octets. */
export function decodeUtf8MailboxName(octets: Buffer): string | undefined {
  return isUtf8(octets) ? canonicalName(octets.toString()) : undefined
}

/** NFC, INBOX in upper case also as the first level of a path; undefined for what no name may contain. */
export function canonicalName(name: string): string | undefined {
  if (forbidden.test(name) || !name.isWellFormed()) return undefined
  const composed = name.normalize('NFC')
  if (asciiUpper(composed.slice(0, 5)) === 'INBOX' && (composed.length === 5 || composed[5] === '/')) {
    return `INBOX${composed.slice(5)}`
  }
  return composed
}

/** Base64 of UTF-16BE between `&` and `-`. */
function decodeShift(base64: Buffer): string | undefined {
  let text = ''
  let bits = 0
  let bitCount = 0
  for (const octet of base64) {
    const value = base64Values.get(octet)
    if (value === undefined) return undefined
    bits = ((bits << 6) | value) & 0x3f_ffff
    bitCount += 6
    if (bitCount < 16) continue
    bitCount -= 16
    const unit = (bits >>> bitCount) & 0xffff
    // Printable ASCII stands for itself.
    if (unit >= 0x20 && unit <= 0x7e) return undefined
    text += String.fromCharCode(unit)
  }
  const spare = bits & ((1 << bitCount) - 1)
  if (bitCount >= 6 || spare !== 0 || text === '' || !text.isWellFormed()) return undefined
  return text
}

/** ASCII text of modified UTF-7. */
export function encodeMailboxName(name: string): string {
  if (/^[\x20-\x25\x27-\x7e]*$/.test(name)) return name
  return name.replace(/&|[^\x20-\x7e]+/g, (part) => (part === '&' ? '&-' : `&${encodeShift(part)}-`))
}

function encodeShift(text: string): string {
  let encoded = ''
  let bits = 0
  let bitCount = 0
  for (let at = 0; at < text.length; at++) {
    bits = ((bits << 16) | text.charCodeAt(at)) & 0x3f_ffff
    bitCount += 16
    while (bitCount >= 6) {
      bitCount -= 6
      encoded += base64Alphabet[(bits >>> bitCount) & 63]
    }
  }
  if (bitCount > 0) encoded += base64Alphabet[(bits << (6 - bitCount)) & 63]
  return encoded
}
