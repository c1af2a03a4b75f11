import type { Address } from './address.ts'
import { decodeWords } from './encoded-word.ts'
import type { AddressEntry } from './envelope.ts'
import { asBuffer, bytesOfOctets, type OctetString, octetsOf } from './octets.ts'

/** Postfix: header_address_token_limit. */
export const maxAddressTokens = 10_240
const maxCommentDepth = 100

export interface NamedAddress extends Address {
  /** Decoded display name, '' when absent. */
  readonly name: string
  /** Decoded name of the group it stands in. */
  readonly group?: string
}

const space = 0x20
const doubleQuote = 0x22
const openParen = 0x28
const closeParen = 0x29
const comma = 0x2c
const dot = 0x2e
const colon = 0x3a
const semicolon = 0x3b
const less = 0x3c
const greater = 0x3e
const at = 0x40
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d

const specials = new Set([space, 0x09, 0x0a, 0x0d, doubleQuote, openParen, closeParen, comma, dot, colon])
for (const code of [semicolon, less, greater, at, openBracket, closeBracket, backslash]) specials.add(code)
const isSpecial = new Uint8Array(256)
for (const code of specials) isSpecial[code] = 1

const isWhite = (code: number): boolean => code === space || code === 0x09 || code === 0x0a || code === 0x0d

/**
 * RFC 5322 §3.4 with the obsolete forms of §4.4 as entries of ENVELOPE (RFC 9051 §7.5.2). Total and linear;
 * after 10,240 tokens the rest is left out.
 */
export const parseAddressEntries = (field: OctetString): readonly AddressEntry[] =>
  new AddressListReader(field).read()

class AddressListReader {
  readonly #text: OctetString
  #position = 0
  #tokens = 0
  #entries: AddressEntry[] = []
  #inGroup = false
  /** Words since the last separator; blanks between words become one. */
  #phrase = ''
  #blank = false
  #comment: OctetString | undefined
  /** The mailbox of the entry being read, once its @ or < has been seen. */
  #mailbox: OctetString | undefined
  #host = ''
  #route = ''
  #name: OctetString | undefined

  constructor(text: OctetString) {
    this.#text = text
  }

  read(): readonly AddressEntry[] {
    const text = this.#text
    while (this.#position < text.length && this.#tokens++ < maxAddressTokens) {
      const code = text.charCodeAt(this.#position)
      if (isWhite(code)) this.#skipWhite()
      else if (code === openParen) this.#comment = this.#readComment()
      else if (code === comma || code === semicolon) this.#separator(code)
      else if (code === colon) this.#colon()
      else if (code === less) this.#angle()
      else if (code === at) this.#domainOfPhrase()
      else this.#addWord(code)
    }
    this.#finishEntry()
    this.#endGroup()
    return this.#entries
  }

  #skipWhite(): void {
    while (this.#position < this.#text.length && isWhite(this.#text.charCodeAt(this.#position)))
      this.#position++
    this.#blank = true
  }

  #addWord(code: number): void {
    const word = this.#readWord(code)
    if (this.#blank && this.#phrase !== '') this.#phrase += ' '
    this.#blank = false
    this.#phrase += word
  }

  /** An atom, a quoted string without its quotes, or one stray special character. */
  #readWord(code: number): OctetString {
    if (code === doubleQuote) return this.#readQuoted(doubleQuote)
    const start = this.#position
    let i = start
    while (i < this.#text.length && isSpecial[this.#text.charCodeAt(i)] === 0) i++
    this.#position = i === start ? i + 1 : i
    return this.#text.slice(start, this.#position)
  }

  /** From an opening quote or bracket to `end`; escapes removed. */
  #readQuoted(end: number): OctetString {
    const text = this.#text
    let value = ''
    let start = this.#position + 1
    let i = start
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code === end) break
      if (code === backslash) {
        value += text.slice(start, i)
        start = ++i
      }
    }
    this.#position = i + 1
    return withoutFolds(value === '' ? text.slice(start, i) : value + text.slice(start, i))
  }

  #readComment(): OctetString {
    const text = this.#text
    const start = this.#position + 1
    let depth = 0
    let i = this.#position
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code === backslash) i++
      else if (code === openParen && depth < maxCommentDepth) depth++
      else if (code === closeParen && --depth === 0) break
    }
    this.#position = i + 1
    return withoutFolds(withoutEscapes(text.slice(start, i)))
  }

  #separator(code: number): void {
    this.#position++
    this.#finishEntry()
    if (code === semicolon) this.#endGroup()
  }

  #colon(): void {
    this.#position++
    if (this.#inGroup || this.#mailbox !== undefined) return
    this.#entries.push({ name: undefined, mailbox: this.#phrase, host: undefined })
    this.#inGroup = true
    this.#clear()
  }

  /** `Name <@route:local@host>`. RFC 5322 §3.4 angle-addr, §4.4 obs-route. */
  #angle(): void {
    // `<a@b> <c@d>`: a comma is missing.
    if (this.#name !== undefined) this.#finishMailbox()
    const before = this.#mailbox === undefined ? this.#phrase : `${this.#mailbox}@${this.#host}`
    this.#position++
    this.#phrase = ''
    this.#mailbox = undefined
    this.#host = ''
    while (this.#position < this.#text.length && this.#tokens++ < maxAddressTokens) {
      const code = this.#text.charCodeAt(this.#position)
      if (code === greater) {
        this.#position++
        break
      }
      if (isWhite(code)) this.#skipWhite()
      else if (code === openParen) this.#readComment()
      else if (code === at) this.#domainOfPhrase()
      else if (code === colon || code === comma) this.#endRoute()
      else if (code === less) this.#position++
      else this.#addWord(code)
    }
    this.#mailbox ??= this.#phrase
    this.#phrase = ''
    this.#name = before
  }

  /** What has been read inside the brackets was a source route's host. */
  #endRoute(): void {
    this.#position++
    if (this.#mailbox === '' && this.#host !== '')
      this.#route += `${this.#route === '' ? '' : ','}@${this.#host}`
    this.#mailbox = undefined
    this.#host = ''
    this.#phrase = ''
  }

  #domainOfPhrase(): void {
    // `a@b c@d`: a comma is missing.
    if (this.#mailbox !== undefined && this.#phrase !== '') this.#finishMailbox()
    this.#position++
    const local = this.#phrase.includes(' ') ? removeBlanksAtDots(this.#phrase) : this.#phrase
    this.#mailbox = this.#mailbox === undefined ? local : `${this.#mailbox}@${this.#host}`
    this.#host = this.#readDomain()
    this.#phrase = ''
    this.#blank = false
  }

  #readDomain(): OctetString {
    const text = this.#text
    let domain = ''
    let afterDot = true
    while (this.#position < text.length && this.#tokens++ < maxAddressTokens) {
      const code = text.charCodeAt(this.#position)
      if (isWhite(code)) {
        this.#skipWhite()
        // A blank ends the domain unless a dot is on one of its sides.
        if (text.charCodeAt(this.#position) !== dot && !afterDot) break
        continue
      }
      if (code === openParen) this.#comment = this.#readComment()
      else if (code === openBracket) domain += `[${this.#readQuoted(closeBracket)}]`
      else if (code === dot || isSpecial[code] === 0) domain += this.#readWord(code)
      else break
      if (code !== openParen) afterDot = code === dot
    }
    return domain
  }

  /** The words after it begin the next address. */
  #finishMailbox(): void {
    const next = this.#phrase
    this.#finishEntry()
    this.#phrase = next
  }

  #finishEntry(): void {
    if (this.#mailbox !== undefined && (this.#mailbox !== '' || this.#host !== '' || this.#name)) {
      const name = this.#name || this.#comment
      const entry = { name: name === '' ? undefined : name, mailbox: this.#mailbox, host: this.#host }
      this.#entries.push(this.#route === '' ? entry : { ...entry, route: this.#route })
    } else if (this.#phrase !== '') {
      this.#entries.push({ name: this.#comment, mailbox: this.#phrase, host: '' })
    }
    this.#clear()
  }

  #endGroup(): void {
    if (this.#inGroup) this.#entries.push({ name: undefined, mailbox: undefined, host: undefined })
    this.#inGroup = false
  }

  #clear(): void {
    this.#phrase = ''
    this.#blank = false
    this.#comment = undefined
    this.#mailbox = undefined
    this.#host = ''
    this.#route = ''
    this.#name = undefined
  }
}

/** RFC 5322 §3.2.2: the line end of a fold is no part of what is quoted or remarked. */
const withoutFolds = (text: OctetString): OctetString =>
  text.includes('\n') ? text.replaceAll('\r\n', '').replaceAll('\n', '') : text

/** RFC 5322 §3.2.1 quoted-pair. */
const withoutEscapes = (text: OctetString): OctetString =>
  text.includes('\\') ? text.replace(/\\([\s\S])/g, '$1') : text

/** RFC 5322 §4.4 obs-local-part: `a . b` is `a.b`. */
const removeBlanksAtDots = (local: OctetString): OctetString =>
  local.split(' .').join('.').split('. ').join('.')

/** The addresses of a header field as text, groups flattened. */
export const parseAddressList = (field: OctetString | Uint8Array): readonly NamedAddress[] => {
  const addresses: NamedAddress[] = []
  let group: string | undefined
  for (const entry of parseAddressEntries(typeof field === 'string' ? field : octetsOf(field))) {
    if (entry.host === undefined) {
      group = entry.mailbox === undefined ? undefined : decodeWords(entry.mailbox)
      continue
    }
    const address = {
      name: entry.name === undefined ? '' : decodeWords(entry.name),
      local: utf8Text(entry.mailbox ?? ''),
      domain: utf8Text(entry.host),
    }
    addresses.push(group === undefined ? address : { ...address, group })
  }
  return addresses
}

const utf8Text = (octets: OctetString): string => asBuffer(bytesOfOctets(octets)).toString('utf8')
