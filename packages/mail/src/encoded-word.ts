import { isAscii, isUtf8 } from 'node:buffer'
import { decodeCharset, decodeUndeclared, knowsCharset } from './charset.ts'
import { bytesOfOctets, hexValue, type OctetString, octetsOf } from './octets.ts'

const equals = 0x3d
const underscore = 0x5f
const maxCharsetLength = 64
const asciiNames: ReadonlySet<string> = new Set(['us-ascii', 'ascii'])
/** RFC 2047 §2: an encoded word has at most 75 characters; `=?utf-8?B??=` is twelve of them. */
const maxEncodedText = 63

interface Word {
  readonly charset: string
  readonly bytes: Buffer
  /** Offset after `?=`. */
  readonly end: number
}

/**
 * RFC 2047 words and raw UTF-8 → text. Blanks between adjacent words go; a character split between two
 * words of one charset is put together. Line ends go. Never throws, linear.
 */
export const decodeWords = (octets: OctetString): string => {
  if (!octets.includes('=?')) return decodeRaw(octets)
  let text = ''
  eachRun(octets, (run, charset) => {
    text += typeof run === 'string' ? decodeRaw(run) : decodeCharset(run, charset)
  })
  return text
}

/**
 * The octets of a text whose charset is unknown, or has no such octets: without its MIME encoding, in no charset.
 * undefined where `text` is what it says. RFC 5255 §4.6.
 * @param text of `decodeWords`
 */
export const undecodedOctets = (octets: OctetString, text: string): OctetString | undefined => {
  if (!octets.includes('=?') && !/[^\0-\x7f]/.test(octets)) return undefined
  let undecoded = ''
  let isKnown = !text.includes('\ufffd')
  eachRun(octets, (run, charset) => {
    undecoded += typeof run === 'string' ? withoutLineEnds(run) : octetsOf(run)
    isKnown &&= typeof run === 'string' ? isUtf8(bytesOfOctets(run)) : isKnownText(run, charset)
  })
  return isKnown ? undefined : undecoded
}

const isKnownText = (bytes: Buffer, charset: string): boolean =>
  asciiNames.has(charset) ? isAscii(bytes) || isUtf8(bytes) : knowsCharset(charset)

/** Calls `take` with what is not encoded as it stands, with the octets of words of one charset in a row together. */
const eachRun = (octets: OctetString, take: (run: OctetString | Buffer, charset: string) => void): void => {
  let rawStart = 0
  let charset = ''
  let pending: Buffer[] = []
  const flush = (): void => {
    if (pending.length > 0) take(pending.length === 1 ? pending[0]! : Buffer.concat(pending), charset)
    pending = []
  }
  for (let at = octets.indexOf('=?'); at >= 0; ) {
    const word = readWord(octets, at)
    if (word === undefined) {
      at = octets.indexOf('=?', at + 2)
      continue
    }
    const between = octets.slice(rawStart, at)
    const adjacent = pending.length > 0 && isBlank(between)
    if (!adjacent || word.charset !== charset) flush()
    if (!adjacent) take(between, '')
    charset = word.charset
    pending.push(word.bytes)
    rawStart = word.end
    at = octets.indexOf('=?', word.end)
  }
  flush()
  take(octets.slice(rawStart), '')
}

/** RFC 2047 §2 at `start`; blanks in the text are against it and are let pass. */
const readWord = (octets: OctetString, start: number): Word | undefined => {
  const charsetEnd = octets.indexOf('?', start + 2)
  if (charsetEnd <= start + 2 || charsetEnd - start > maxCharsetLength) return undefined
  const encoding = octets.charCodeAt(charsetEnd + 1) | 0x20
  if ((encoding !== 0x62 && encoding !== 0x71) || octets[charsetEnd + 2] !== '?') return undefined
  const textEnd = octets.indexOf('?', charsetEnd + 3)
  if (textEnd < 0 || octets[textEnd + 1] !== '=') return undefined
  const encoded = octets.slice(charsetEnd + 3, textEnd)
  const bytes = encoding === 0x62 ? Buffer.from(encoded, 'base64') : decodeQ(encoded)
  return { charset: octets.slice(start + 2, charsetEnd).toLowerCase(), bytes, end: textEnd + 2 }
}

/** RFC 2047 §4.2; a broken `=` stays as it is. */
const decodeQ = (encoded: OctetString): Buffer => {
  const bytes = Buffer.allocUnsafe(encoded.length)
  let length = 0
  for (let at = 0; at < encoded.length; at++) {
    const code = encoded.charCodeAt(at)
    const high = code === equals ? hexValue(encoded.charCodeAt(at + 1)) : -1
    const low = high < 0 ? -1 : hexValue(encoded.charCodeAt(at + 2))
    if (low >= 0) {
      bytes[length++] = high * 16 + low
      at += 2
    } else bytes[length++] = code === underscore ? 0x20 : code
  }
  return bytes.subarray(0, length)
}

const isBlank = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code !== 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return false
  }
  return true
}

const withoutLineEnds = (octets: OctetString): OctetString =>
  octets.includes('\n') || octets.includes('\r') ? octets.replace(/[\r\n]/g, '') : octets

const decodeRaw = (octets: OctetString): string => {
  const line = withoutLineEnds(octets)
  return /[^\0-\x7f]/.test(line) ? decodeUndeclared(bytesOfOctets(line)) : line
}

/**
 * Text → the value of an unstructured field or a phrase: from the first to the last word that is not
 * printable US-ASCII, RFC 2047 words. Control characters become blanks. Not folded.
 */
export const encodeWords = (text: string): OctetString => {
  const clean = text.toWellFormed().replace(/[\0-\x1f\x7f]+/g, ' ')
  const words = clean.split(' ')
  const needs = (word: string): boolean => /[^\x21-\x7e]/.test(word) || word.includes('=?')
  const first = words.findIndex(needs)
  if (first < 0) return clean
  const last = words.findLastIndex(needs)
  const encoded = encodeRun(words.slice(first, last + 1).join(' '))
  return [...words.slice(0, first), encoded, ...words.slice(last + 1)].join(' ')
}

const encodeRun = (text: string): OctetString => {
  const bytes = Buffer.from(text)
  let special = 0
  for (const octet of bytes) if (!isQPlain(octet)) special++
  const encoding = special * 3 > bytes.length ? 'B' : 'Q'
  const parts: string[] = []
  let part = ''
  let length = 0
  for (const character of text) {
    const octets = Buffer.from(character)
    const cost = encoding === 'B' ? (octets.length * 4) / 3 : encodeQ(octets).length
    if (length + cost > maxEncodedText - (encoding === 'B' ? 4 : 0)) {
      parts.push(part)
      part = ''
      length = 0
    }
    part += character
    length += cost
  }
  parts.push(part)
  return parts
    .map(
      (p) =>
        `=?utf-8?${encoding}?${encoding === 'B' ? Buffer.from(p).toString('base64') : encodeQ(Buffer.from(p))}?=`,
    )
    .join(' ')
}

/** Safe in phrases too (RFC 2047 §5 rule 3). */
const isQPlain = (octet: number): boolean =>
  (octet >= 0x30 && octet <= 0x39) ||
  ((octet | 0x20) >= 0x61 && (octet | 0x20) <= 0x7a) ||
  octet === 0x20 ||
  octet === 0x21 ||
  octet === 0x2a ||
  octet === 0x2b ||
  octet === 0x2d ||
  octet === 0x2f

const encodeQ = (bytes: Buffer): string => {
  let encoded = ''
  for (const octet of bytes) {
    if (octet === 0x20) encoded += '_'
    else if (isQPlain(octet)) encoded += String.fromCharCode(octet)
    else encoded += `=${octet.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}
