import { domainToASCII } from 'node:url'
import { isAddressLiteral } from './address-literal.ts'

/** An address of RFC 5321 §4.1.2 / RFC 6531 §3.3. The null reverse-path is { local: '', domain: '' }. */
export interface Address {
  /** Without quotes and escapes. */
  readonly local: string
  /** As written: U-labels, A-labels or a literal in brackets; '' when absent. */
  readonly domain: string
}

export const nullAddress: Address = { local: '', domain: '' }

/** Octets of UTF-8. RFC 5321 §4.5.3.1.1 asks for 64; VERP senders in the wild are longer. */
export const maxLocalBytes = 512
/** RFC 5321 §4.5.3.1.2. */
export const maxDomainBytes = 255
const maxTextBytes = 2048

const at = 0x40
const backslash = 0x5c
const doubleQuote = 0x22
const dot = 0x2e

/** atext of RFC 5322 §3.2.3 and the dot. */
const localChars = new Set(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~.",
)
const isLocalChar = (text: string, i: number): boolean =>
  text.charCodeAt(i) > 0x7f || localChars.has(text[i] as string)

/**
 * RFC 5321 Mailbox: `a@b`, `"a b"@c`, `a@[192.0.2.1]`, `a@[IPv6:::1]`, UTF-8 by RFC 6531. As lenient as
 * Postfix about dots; with several @ outside quotes the last one counts (see `hiddenRoute`). undefined when
 * it is no address.
 */
export const parseAddress = (input: string | Uint8Array): Address | undefined => {
  const address = parseAddressOrLocal(input)
  return address === undefined || address.domain === '' ? undefined : address
}

/** As `parseAddress`, and a local part alone (`pkumar`, domain ''). */
export const parseAddressOrLocal = (input: string | Uint8Array): Address | undefined => {
  const text = toText(input)
  if (text === undefined || text === '') return undefined
  const split = lastUnquotedAt(text)
  if (split === undefined) return undefined
  const local = readLocal(split < 0 ? text : text.slice(0, split))
  if (local === undefined) return undefined
  if (split < 0) return local === '' ? undefined : { local, domain: '' }
  const domain = readDomain(text.slice(split + 1))
  return domain === undefined ? undefined : { local, domain }
}

/** Strict UTF-8 without control characters, or undefined. */
export const toText = (input: string | Uint8Array): string | undefined => {
  if (input.length > maxTextBytes) return undefined
  let text: string
  if (typeof input === 'string') text = input
  else {
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(input)
    } catch {
      return undefined
    }
  }
  if (!text.isWellFormed()) return undefined
  for (let i = 0; i < text.length; i++) if (isControl(text.charCodeAt(i))) return undefined
  return text
}

/** C0, DEL, C1 and the Unicode line separators: none may reach a header, a log or a reply. */
const isControl = (code: number): boolean =>
  code < 0x20 || (code >= 0x7f && code < 0xa0) || code === 0x2028 || code === 0x2029

/** -1: none; undefined: an unterminated quoted string. */
const lastUnquotedAt = (text: string): number | undefined => {
  let found = -1
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (quoted && code === backslash) i++
    else if (code === doubleQuote) quoted = !quoted
    else if (code === at && !quoted) found = i
  }
  return quoted ? undefined : found
}

/** Dot-separated atoms and quoted strings, quotes and escapes removed. RFC 5321 §4.1.2, RFC 5322 §4.4. */
const readLocal = (text: string): string | undefined => {
  if (text === '') return undefined
  let local = ''
  for (let i = 0; i < text.length; ) {
    if (text.charCodeAt(i) !== doubleQuote) {
      const code = text.charCodeAt(i)
      if (code !== at && !isLocalChar(text, i)) return undefined
      local += text[i]
      i++
      continue
    }
    if (i > 0 && text.charCodeAt(i - 1) !== dot) return undefined
    i++
    for (; i < text.length && text.charCodeAt(i) !== doubleQuote; i++) {
      if (text.charCodeAt(i) === backslash && ++i >= text.length) return undefined
      local += text[i]
    }
    i++
    if (i < text.length && text.charCodeAt(i) !== dot && text.charCodeAt(i) !== at) return undefined
  }
  return Buffer.byteLength(local) > maxLocalBytes ? undefined : local
}

const readDomain = (text: string): string | undefined => {
  if (text.startsWith('[')) return isAddressLiteral(text) ? text : undefined
  const domain = text.endsWith('.') ? text.slice(0, -1) : text
  return isDomainName(domain) ? domain : undefined
}

/** Characters that IDNA maps to a dot or an at sign, so that a name means what it shows. */
const lookalikes = /[\u3002\uff0e\uff61\uff20\ufe6b\u00a0\u3000\ufeff]/

/** Labels of letters, digits, hyphens, underscores (seen in the wild) and Unicode; RFC 5321 §2.3.5. */
export const isDomainName = (text: string): boolean => {
  if (text === '' || Buffer.byteLength(text) > maxDomainBytes) return false
  let label = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === dot) {
      if (label === 0 || label > 63) return false
      label = 0
      continue
    }
    const letter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a
    const digit = code >= 0x30 && code <= 0x39
    if (!letter && !digit && code !== 0x2d && code !== 0x5f && code < 0xa0) return false
    label++
  }
  return label > 0 && label <= 63 && !lookalikes.test(text)
}

/** `a@b`, with quotes where the local part needs them; '' for the null address; `a` without domain. */
export const formatAddress = (address: Address): string => {
  const local = isDotAtom(address.local) ? address.local : quote(address.local)
  if (address.domain !== '') return `${local}@${address.domain}`
  return address.local === '' ? '' : local
}

const isDotAtom = (local: string): boolean => {
  if (local === '' || local.startsWith('.') || local.endsWith('.') || local.includes('..')) return false
  for (let i = 0; i < local.length; i++) if (!isLocalChar(local, i)) return false
  return true
}

const quote = (local: string): string => `"${local.replace(/["\\]/g, '\\$&')}"`

/** Domain in lower case, local part kept. */
export const normalizeAddress = (address: Address): Address => ({
  local: address.local,
  domain: address.domain.toLowerCase(),
})

/** A-labels in lower case (RFC 5890), for look-ups and DNS; undefined when IDNA refuses the name. */
export const asciiDomain = (domain: string): string | undefined => {
  if (domain.startsWith('[')) return domain.toLowerCase()
  const ascii = /^[\x21-\x7e]*$/.test(domain) ? domain.toLowerCase() : domainToASCII(domain)
  return ascii === '' ? undefined : ascii
}

export const isNullAddress = (address: Address): boolean => address.local === '' && address.domain === ''
