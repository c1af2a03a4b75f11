import { isAscii } from 'node:buffer'
import {
  asciiDomain,
  formatField,
  formatUtf8Field,
  type HeaderField,
  headerFields,
  type NamedAddress,
  parseAddressList,
  parseParameters,
} from '@posthorn/mail'

/** RFC 6858 §2.1: nobody can be reached there, and clients see why. */
const unreachable = 'invalid@internationalized-address.invalid'
/** UTF-8 in one encoded word, which may have 75 characters with all around it. RFC 2047 §2. */
const maxWordBytes = 42

const addressFields = new Set(['from', 'sender', 'reply-to', 'to', 'cc', 'bcc'])
const parameterFields = new Set(['content-type', 'content-disposition'])
/** Text for people: RFC 2047 words can say the same. */
const textFields = new Set(['subject', 'comments', 'keywords', 'content-description'])
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * A header that clients without UTF8 can be given, in place of one with UTF-8 in it (RFC 6856 §2.1, by RFC 6858);
 * undefined when there is none: this header may go as it is. Octets that are no UTF-8 stay: they are of a time
 * before RFC 6532, and their clients expect them.
 */
export function surrogateHeader(header: Buffer): Buffer | undefined {
  if (isAscii(header)) return undefined
  const pieces: Buffer[] = []
  let at = 0
  for (const field of headerFields(header)) {
    const octets = header.subarray(field.start, field.end)
    if (isAscii(octets)) continue
    const value = decode(Buffer.from(field.rawValue, 'latin1'))
    if (value === undefined) continue
    pieces.push(header.subarray(at, field.start), replacement(field, value))
    at = field.end
  }
  if (pieces.length === 0) return undefined
  pieces.push(header.subarray(at))
  return Buffer.concat(pieces)
}

function decode(octets: Buffer): string | undefined {
  try {
    return utf8.decode(octets)
  } catch {
    return undefined
  }
}

/** RFC 6858 §2.4: a field that cannot be told otherwise is left out. */
function replacement({ name, rawValue }: HeaderField, value: string): Buffer {
  const lower = name.toLowerCase().replace(/^resent-/, '')
  if (!/^[\x21-\x39\x3b-\x7e]{1,70}$/.test(name)) return Buffer.alloc(0)
  if (addressFields.has(lower))
    return formatUtf8Field(name, parseAddressList(rawValue).map(asciiAddress).join(', '))
  if (parameterFields.has(lower)) return parameterField(name, rawValue)
  if (textFields.has(lower) || lower.startsWith('x-')) return formatField(name, value.replace(/\r?\n/g, ''))
  return Buffer.alloc(0)
}

/** RFC 6858 §2.1. A domain has a form in ASCII (RFC 5890); a local part has none. */
function asciiAddress({ name, local, domain }: NamedAddress): string {
  const host = asciiDomain(domain)
  if (host === undefined || !/^[\x21-\x7e]+$/.test(local)) {
    return `${encodedPhrase(name === '' ? `${local}@${domain}` : name)} <${unreachable}>`
  }
  return name === '' ? `${local}@${host}` : `${encodedPhrase(name)} <${local}@${host}>`
}

/** RFC 5322 §3.2.5. */
function encodedPhrase(text: string): string {
  if (/^[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*$/.test(text) && !text.includes('=?')) return text
  if (/^[\x20-\x7e]*$/.test(text)) return `"${text.replace(/["\\]/g, '\\$&')}"`
  const words: string[] = []
  let word = ''
  for (const character of text.toWellFormed()) {
    if (Buffer.byteLength(word + character) > maxWordBytes) {
      words.push(word)
      word = ''
    }
    word += character
  }
  words.push(word)
  return words.map((each) => `=?utf-8?B?${Buffer.from(each).toString('base64')}?=`).join(' ')
}

/** RFC 6858 §2.2, by RFC 2231 §4. */
function parameterField(name: string, rawValue: string): Buffer {
  const { value, parameters } = parseParameters(rawValue)
  if (!/^[\x20-\x7e]*$/.test(value)) return Buffer.alloc(0)
  const texts = parameters.flatMap(([attribute, octets]) => {
    if (!/^[\x21-\x7e]+$/.test(attribute)) return []
    if (/^[\x20-\x7e]*$/.test(octets)) {
      const given = attribute.endsWith('*') ? octets : `"${octets.replace(/["\\]/g, '\\$&')}"`
      return [`; ${attribute}=${given}`]
    }
    const text = decode(Buffer.from(octets, 'latin1'))
    return text === undefined ? [] : [`; ${attribute}*=utf-8''${percentEncoded(text)}`]
  })
  return formatUtf8Field(name, value + texts.join(''))
}

function percentEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
