import { decodeCharset } from './charset.ts'
import { decodeWords } from './encoded-word.ts'
import { trimBlanks, unfold } from './header.ts'
import { bytesOfOctets, type OctetString } from './octets.ts'
import type { Parameter } from './structure.ts'

/** A structured field value such as Content-Type or Content-Disposition. */
export interface ParameterizedValue {
  /** What stands before the first semicolon, without comments. */
  readonly value: OctetString
  /**
   * Continuations joined (RFC 2231 §3). A name that ends in `*` has an encoded value, `utf-8''%41`, as in
   * the field (RFC 2231 §4): clients of BODYSTRUCTURE expect it so.
   */
  readonly parameters: readonly Parameter[]
}

export const maxParameters = 512
const maxCommentDepth = 100

const doubleQuote = 0x22
const backslash = 0x5c
const semicolon = 0x3b
const openParen = 0x28
const closeParen = 0x29
const equals = 0x3d

const isBlankCode = (code: number): boolean => code === 0x20 || code === 0x09

const isGapCode = (code: number): boolean => isBlankCode(code) || code === 0x2c

/** Blanks or commas, then the name of a parameter (RFC 2231 §7 attribute) and its equals sign. */
const unseparatedParameter = /[ \t,]+[\w!#$&*+.^`{|}~-]+[ \t]*=/y

/**
 * `attachment; filename="a b.pdf"`. RFC 2045 §5.1, RFC 2231 §3. A semicolon that is missing before a parameter is
 * put in: `charset=utf-8 format=flowed`. Total, linear, at most 512 parameters.
 */
export const parseParameters = (field: OctetString): ParameterizedValue => {
  const text = unfold(field)
  const reader = new ParameterReader(text)
  const value = trimBlanks(reader.bareValue())
  const parameters: [string, OctetString][] = []
  while (parameters.length < maxParameters) {
    const parameter = reader.parameter()
    if (parameter === undefined) break
    if (parameter[0] !== '') parameters.push(parameter)
  }
  return { value, parameters: joinContinuations(parameters) }
}

class ParameterReader {
  readonly text: OctetString
  position = 0

  constructor(text: OctetString) {
    this.text = text
  }

  /** Up to a semicolon, or where it is missing; comments left out. */
  bareValue(): OctetString {
    let value = ''
    let start = this.position
    while (this.position < this.text.length) {
      const code = this.text.charCodeAt(this.position)
      if (code === semicolon || this.#isUnseparated()) break
      if (
        code === openParen &&
        (start === this.position || isBlankCode(this.text.charCodeAt(this.position - 1)))
      ) {
        value += this.text.slice(start, this.position)
        this.#skipComment()
        start = this.position
      } else this.position++
    }
    return value + this.text.slice(start, this.position)
  }

  /** Whether a parameter begins here without a semicolon. Asked at the first octet of a gap, so that all is linear. */
  #isUnseparated(): boolean {
    const { text, position } = this
    if (!isGapCode(text.charCodeAt(position)) || isGapCode(text.charCodeAt(position - 1))) return false
    unseparatedParameter.lastIndex = position
    return unseparatedParameter.test(text)
  }

  parameter(): [string, OctetString] | undefined {
    const { text } = this
    while (this.position < text.length && text.charCodeAt(this.position) !== semicolon) {
      if (this.#isUnseparated()) break
      this.position++
    }
    if (this.position >= text.length) return undefined
    this.position++
    while (isGapCode(text.charCodeAt(this.position))) this.position++
    this.#skipBlanks()
    const start = this.position
    while (this.position < text.length) {
      const code = text.charCodeAt(this.position)
      if (code === equals || code === semicolon) break
      this.position++
    }
    const name = trimBlanks(beforeComment(text.slice(start, this.position))).toLowerCase()
    if (text.charCodeAt(this.position) !== equals) return ['', '']
    this.position++
    this.#skipBlanks()
    const value =
      text.charCodeAt(this.position) === doubleQuote ? this.#quotedString() : trimBlanks(this.bareValue())
    return [name, value]
  }

  #skipBlanks(): void {
    while (this.position < this.text.length) {
      const code = this.text.charCodeAt(this.position)
      if (code === openParen) this.#skipComment()
      else if (isBlankCode(code)) this.position++
      else return
    }
  }

  #quotedString(): OctetString {
    const { text } = this
    let value = ''
    let start = ++this.position
    for (; this.position < text.length; this.position++) {
      const code = text.charCodeAt(this.position)
      if (code === doubleQuote) break
      if (code === backslash) {
        value += text.slice(start, this.position)
        start = ++this.position
      }
    }
    value += text.slice(start, this.position)
    this.position++
    return value
  }

  #skipComment(): void {
    const { text } = this
    let depth = 0
    for (; this.position < text.length; this.position++) {
      const code = text.charCodeAt(this.position)
      if (code === backslash) this.position++
      else if (code === openParen && depth < maxCommentDepth) depth++
      else if (code === closeParen && --depth === 0) break
    }
    this.position++
  }
}

const beforeComment = (text: OctetString): OctetString => {
  const comment = text.indexOf('(')
  return comment < 0 ? text : text.slice(0, comment)
}

interface Section {
  readonly order: number
  readonly encoded: boolean
  readonly value: OctetString
}

/** RFC 2231 §3: `name*0`, `name*1*` … become one; the first place in the list is kept. */
const joinContinuations = (parameters: readonly [string, OctetString][]): readonly Parameter[] => {
  if (!parameters.some(([name]) => name.includes('*'))) return parameters
  const joined: ([string, OctetString] | Section[])[] = []
  const names: string[] = []
  const open = new Map<string, Section[]>()
  for (const [name, value] of parameters) {
    const match = /^([^*]+)\*(\d{1,4})(\*?)$/.exec(name)
    if (match === null) {
      joined.push([name, value])
      names.push(name)
      continue
    }
    const [, stem = '', order = '0', star] = match
    let sections = open.get(stem)
    if (sections === undefined) {
      open.set(stem, (sections = []))
      joined.push(sections)
      names.push(stem)
    }
    sections.push({ order: Number(order), encoded: star === '*', value })
  }
  return joined.map((entry, i) => (isSections(entry) ? joinSections(names[i] as string, entry) : entry))
}

const isSections = (entry: [string, OctetString] | Section[]): entry is Section[] =>
  typeof entry[0] !== 'string'

const joinSections = (name: string, sections: Section[]): Parameter => {
  sections.sort((a, b) => a.order - b.order)
  if (!sections.some((section) => section.encoded)) return [name, sections.map((s) => s.value).join('')]
  const value = sections.map((s) => (s.encoded ? s.value : percentEncode(s.value))).join('')
  return [`${name}*`, sections[0]?.encoded === true ? value : `''${value}`]
}

const percentEncode = (octets: OctetString): OctetString =>
  octets.replace(
    /[^\w.!#$&+^`{|}~-]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )

/** The first parameter of that name as text: RFC 2231 charsets, RFC 2047 words (against its rules, but sent). */
export const parameterText = (parameters: readonly Parameter[], name: string): string | undefined => {
  let plain: OctetString | undefined
  for (const [key, value] of parameters) {
    if (key === `${name}*`) return decodeExtended(value)
    if (key === name) plain ??= value
  }
  return plain === undefined ? undefined : decodeWords(plain)
}

/** `utf-8'en'%e2%82%ac` → text. RFC 2231 §4. */
const decodeExtended = (value: OctetString): string => {
  const first = value.indexOf("'")
  const second = first < 0 ? -1 : value.indexOf("'", first + 1)
  const charset = first > 0 && second > 0 ? value.slice(0, first) : 'utf-8'
  const encoded = second < 0 ? value : value.slice(second + 1)
  const octets = encoded.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return decodeCharset(bytesOfOctets(octets), charset)
}

/** As `parseParameters`, everything decoded to text, names without `*`. */
export const decodeParameters = (
  field: OctetString,
): { readonly value: string; readonly parameters: ReadonlyMap<string, string> } => {
  const { value, parameters } = parseParameters(field)
  const decoded = new Map<string, string>()
  for (const [key] of parameters) {
    const name = key.endsWith('*') ? key.slice(0, -1) : key
    if (!decoded.has(name)) decoded.set(name, parameterText(parameters, name) ?? '')
  }
  return { value, parameters: decoded }
}
