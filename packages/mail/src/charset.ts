import { isAscii } from 'node:buffer'
import { createRequire } from 'node:module'
import { TextDecoder } from 'node:util'
import { asBuffer } from './octets.ts'

interface CharsetModule {
  decode(bytes: Buffer, charset: string): string
  normalizeCharset(charset: string): string
}

/** Names in the wild that the WHATWG table lacks. */
const aliases = new Map([
  ['utf8mb4', 'utf-8'],
  ['cp932', 'shift_jis'],
  ['ms932', 'shift_jis'],
  ['cp936', 'gbk'],
  ['cp949', 'euc-kr'],
  ['ks_c_5601', 'euc-kr'],
  ['cp950', 'big5'],
  ['iso-2022-jp-1', 'iso-2022-jp'],
  ['iso-2022-jp-2', 'iso-2022-jp'],
  ['iso-2022-jp-ms', 'iso-2022-jp'],
  ['utf-16', 'utf-16le'],
])
/** No charset at all: the octets decide between UTF-8 and windows-1252. */
const undeclared = new Set([
  '',
  'us-ascii',
  'ascii',
  'ansi_x3.4-1968',
  'unknown',
  'unknown-8bit',
  'x-unknown',
  'default',
])
/** Labels that TextDecoder maps to an encoding which only says U+FFFD. */
const refusedLabels = new Set([
  'replacement',
  'hz-gb-2312',
  'iso-2022-kr',
  'iso-2022-cn',
  'iso-2022-cn-ext',
  'csiso2022kr',
])

/** ASCII octets mean something else in these. */
const sevenBit = new Set(['iso-2022-jp', 'utf-16le', 'utf-16be'])

const maxNameLength = 64
const maxDecoders = 256
const decoders = new Map<string, TextDecoder | 'libmime' | 'unknown'>()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const windows1252 = new TextDecoder('windows-1252')

let legacy: CharsetModule | undefined
/** Loaded when first needed: its tables are large. */
const loadLegacy = (): CharsetModule =>
  (legacy ??= createRequire(import.meta.url)('libmime/lib/charset') as CharsetModule)

/** `latin1*en` (RFC 2231 §5 language) → `latin1`. */
const normalizeName = (charset: string): string => {
  const star = charset.indexOf('*')
  return (star < 0 ? charset : charset.slice(0, star)).trim().toLowerCase()
}

const findDecoder = (charset: string): TextDecoder | 'libmime' | 'unknown' => {
  const name = normalizeName(charset)
  const known = decoders.get(name)
  if (known !== undefined) return known
  const decoder = makeDecoder(name)
  // Names come from strangers.
  if (decoders.size < maxDecoders) decoders.set(name, decoder)
  return decoder
}

const makeDecoder = (name: string): TextDecoder | 'libmime' | 'unknown' => {
  if (undeclared.has(name) || name.length > maxNameLength) return 'unknown'
  if (!refusedLabels.has(name)) {
    try {
      return new TextDecoder(aliases.get(name) ?? name)
    } catch {
      // Not a WHATWG label.
    }
  }
  const probe = Buffer.from([0x2b, 0x41, 0x4f, 0x51, 0x2d, 0xe4, 0xc4])
  try {
    const normal = loadLegacy().normalizeCharset(name)
    if (normal.toLowerCase() !== name) return new TextDecoder(normal)
  } catch {
    // libmime's name is no label either.
  }
  return loadLegacy().decode(probe, name) === probe.toString() ? 'unknown' : 'libmime'
}

/**
 * Octets in a charset → text. Undeclared and unknown charsets: UTF-8 when the octets are, else
 * windows-1252. Never throws.
 */
export const decodeCharset = (bytes: Uint8Array, charset: string): string => {
  const decoder = findDecoder(charset)
  if (decoder === 'unknown') return decodeUndeclared(bytes)
  if (decoder !== 'libmime' && !sevenBit.has(decoder.encoding) && isAscii(bytes)) {
    return asBuffer(bytes).toString('latin1')
  }
  try {
    return decoder === 'libmime'
      ? loadLegacy().decode(asBuffer(bytes), normalizeName(charset))
      : decoder.decode(decoder.encoding === 'iso-2022-jp' ? withoutEmptyShifts(bytes) : bytes)
  } catch {
    return decodeUndeclared(bytes)
  }
}

/**
 * 'ascii': octets below 128 are ASCII between line ends, whatever stands in other lines; 'shifted': as long as no shift
 * changes it (ISO-2022-JP); 'other': nothing is known.
 */
export type CharsetKind = 'ascii' | 'shifted' | 'other'

export const charsetKind = (charset: string): CharsetKind => {
  const decoder = findDecoder(charset)
  if (decoder === 'unknown') return 'ascii'
  if (decoder === 'libmime') return 'other'
  if (decoder.encoding === 'iso-2022-jp') return 'shifted'
  return sevenBit.has(decoder.encoding) ? 'other' : 'ascii'
}

export interface CharsetDecoder {
  push(bytes: Uint8Array): string
  finish(): string
}

/** As `decodeCharset`, in pieces. */
export const createCharsetDecoder = (charset: string): CharsetDecoder => {
  const known = findDecoder(charset)
  if (known === 'libmime') return collectAll(charset)
  let decoder =
    known === 'unknown'
      ? new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
      : new TextDecoder(known.encoding)
  const shifts = decoder.encoding === 'iso-2022-jp' ? new ShiftCarry() : undefined
  const decode = (chunk: Uint8Array, more: 'more' | 'last'): string => {
    const bytes = shifts?.take(chunk, more) ?? chunk
    try {
      return decoder.decode(bytes, { stream: more === 'more' })
    } catch {
      // Undeclared octets that are no UTF-8 after all; the character that began before is lost.
      decoder = new TextDecoder('windows-1252')
      return decoder.decode(bytes, { stream: more === 'more' })
    }
  }
  return { push: (bytes) => decode(bytes, 'more'), finish: () => decode(new Uint8Array(), 'last') }
}

const emptyShift = /\x1b[($][@BIJ](?=\x1b[($])/g
const shiftBytes = 3

/**
 * Encoded words that are joined shift to ASCII and at once back: TextDecoder takes a shift without a character after it
 * for an error.
 */
const withoutEmptyShifts = (bytes: Uint8Array): Uint8Array => {
  const text = asBuffer(bytes).toString('latin1')
  const rest = text.replace(emptyShift, '')
  return rest.length === text.length ? bytes : Buffer.from(rest, 'latin1')
}

/** The same in pieces: what may be the first of two shifts waits for what comes after. */
class ShiftCarry {
  #waiting = Buffer.alloc(0)

  take(chunk: Uint8Array, more: 'more' | 'last'): Uint8Array {
    const bytes = Buffer.concat([this.#waiting, chunk])
    const end = more === 'last' ? bytes.length : startOfLastShifts(bytes)
    this.#waiting = bytes.subarray(end)
    return withoutEmptyShifts(bytes.subarray(0, end))
  }
}

/** Where the shifts begin that the octets end with, the last one perhaps not whole. */
const startOfLastShifts = (bytes: Buffer): number => {
  let start = bytes.lastIndexOf(0x1b)
  if (start < 0 || start < bytes.length - shiftBytes) return bytes.length
  while (bytes[start - shiftBytes] === 0x1b) start -= shiftBytes
  return start
}

const collectAll = (charset: string): CharsetDecoder => {
  const pieces: Buffer[] = []
  return {
    push: (bytes) => {
      pieces.push(Buffer.from(bytes))
      return ''
    },
    finish: () => decodeCharset(Buffer.concat(pieces), charset),
  }
}

/** 8-bit octets without a charset: UTF-8 (RFC 6532) when they are, else windows-1252. */
export const decodeUndeclared = (bytes: Uint8Array): string => {
  if (isAscii(bytes)) return asBuffer(bytes).toString('latin1')
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return windows1252.decode(bytes)
  }
}

/** Whether text in this charset can be decoded (SEARCH CHARSET, RFC 9051 §6.4.4). */
export const knowsCharset = (charset: string): boolean => {
  const name = normalizeName(charset)
  return name === 'us-ascii' || name === 'ascii' || findDecoder(charset) !== 'unknown'
}
