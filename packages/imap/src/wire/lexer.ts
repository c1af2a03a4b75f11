import { isAscii, isUtf8 } from 'node:buffer'
import { asciiUpper } from './ascii.ts'
import { astringChar, atomChar, charClasses, digitChar, nameChar, tagChar } from './char-class.ts'
import type { Frame } from './frame.ts'
import { SyntaxFault } from './syntax-fault.ts'

const space = 0x20
const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const tilde = 0x7e
const maxNumber = 0xffff_ffff
const noOctets: Buffer = Buffer.alloc(0)

/** The words of one complete command: atoms, strings, literals, numbers (RFC 9051 §4, §9). */
export class Lexer {
  readonly #text: Buffer
  readonly #literals: Frame['literals']
  #at = 0
  #nextLiteral = 0

  constructor(frame: Frame) {
    this.#text = frame.text
    this.#literals = frame.literals
  }

  /** Octets read so far, literals not counted. */
  get position(): number {
    return this.#at
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length
  }

  /** Stands where `other`, a reader of the same command, stands now. */
  protected joinAt(other: Lexer): this {
    this.#at = other.#at
    this.#nextLiteral = other.#nextLiteral
    return this
  }

  protected get frame(): Frame {
    return { text: this.#text, literals: this.#literals }
  }

  /** Back to an earlier position, for the fault to name. */
  protected goBack(position: number): void {
    this.#at = position
  }

  fault(expected: string): SyntaxFault {
    return new SyntaxFault(`Expected ${expected} at octet ${this.#at + 1}`)
  }

  /** True when the next octet is `char`. */
  peek(char: string): boolean {
    return this.#text[this.#at] === char.charCodeAt(0)
  }

  /** Takes `char` if it is next. */
  accept(char: string): boolean {
    if (!this.peek(char)) return false
    this.#at++
    return true
  }

  /** Takes `text` (ASCII, any case) if it is next. */
  acceptText(text: string): boolean {
    const end = this.#at + text.length
    if (end > this.#text.length) return false
    if (asciiUpper(this.#text.toString('latin1', this.#at, end)) !== asciiUpper(text)) return false
    this.#at = end
    return true
  }

  expect(char: string): this {
    if (!this.accept(char)) throw this.fault(`"${char}"`)
    return this
  }

  sp(): this {
    if (this.#skipSpaces() === 0) throw this.fault('a space')
    return this
  }

  /** Takes the blanks that are next; true when they part something from what was read, not at the end. */
  acceptSp(): boolean {
    return this.#skipSpaces() > 0 && !this.atEnd
  }

  /** The grammar has one; more are forgiven, as Dovecot does. @returns how many there were */
  #skipSpaces(): number {
    const from = this.#at
    while (this.#text[this.#at] === space) this.#at++
    return this.#at - from
  }

  /** The end of the command. Blanks before it are forgiven, as Dovecot does. */
  end(): void {
    const from = this.#at
    this.#skipSpaces()
    if (this.atEnd) return
    this.#at = from
    throw this.fault('the end of the command')
  }

  tag(): string {
    return this.run(tagChar, 'a tag')
  }

  atom(): string {
    return this.run(atomChar, 'an atom')
  }

  /** An atom in upper case: a command's or an item's name. */
  keyword(): string {
    return asciiUpper(this.atom())
  }

  /** Letters, digits, `.`, `-`, `_`, in upper case; '' when none is next. Stops before `[` and `<`. */
  name(): string {
    const from = this.#at
    this.#skip(nameChar)
    return asciiUpper(this.#text.toString('latin1', from, this.#at))
  }

  /** Leaves the rest unread, and gives it: the command is refused for what was already seen. */
  skipRest(): Buffer {
    const rest = this.#text.subarray(this.#at)
    this.#at = this.#text.length
    return rest
  }

  astringOctets(): Buffer {
    if (this.peekClass(astringChar)) {
      const from = this.#at
      this.#skip(astringChar)
      return this.#text.subarray(from, this.#at)
    }
    return this.stringOctets()
  }

  /** UTF-8; other octets are a fault. */
  astring(): string {
    return this.#utf8Text(this.astringOctets())
  }

  stringOctets(): Buffer {
    const next = this.#text[this.#at]
    if (next === quote) return this.quoted()
    if (next === openBrace) return this.literal()
    throw this.fault('a string')
  }

  string(): string {
    return this.#utf8Text(this.stringOctets())
  }

  nstring(): string | undefined {
    if (this.#acceptNil()) return undefined
    return this.string()
  }

  /** NIL, a string, or `~{n}` with any octets. RFC 5464 §5 value. */
  nstring8(): Buffer | undefined {
    if (this.peek('~')) return this.literal8()
    return this.#acceptNil() ? undefined : this.stringOctets()
  }

  /** True when one of these (ASCII, any case) is next. */
  peekText(...texts: readonly string[]): boolean {
    return texts.some((text) => {
      const next = this.#text.toString('latin1', this.#at, this.#at + text.length)
      return asciiUpper(next) === asciiUpper(text)
    })
  }

  /** True when a literal is next: where APPEND's message begins. */
  get atLiteral(): boolean {
    const next = this.#text[this.#at]
    return next === openBrace || (next === tilde && this.#text[this.#at + 1] === openBrace)
  }

  /** True when the next literal was only announced: the command is not complete yet. */
  get atPendingLiteral(): boolean {
    return this.atLiteral && this.#nextLiteral === this.#literals.length
  }

  /** A literal without NUL; empty when its octets were streamed. */
  literal(): Buffer {
    const octets = this.#literalOctets()
    if (octets.includes(0)) throw new SyntaxFault('Expected a literal without NUL octets')
    return octets
  }

  /** `~{n}`: any octets (RFC 3516 §4.4), or a plain literal. */
  literal8(): Buffer {
    if (!this.accept('~')) return this.literal()
    return this.#literalOctets()
  }

  number(): number {
    const from = this.#at
    this.#skip(digitChar)
    const value = Number(this.#text.toString('latin1', from, Math.min(this.#at, from + 20)))
    if (this.#at === from || this.#at - from > 10 || value > maxNumber) {
      this.#at = from
      throw this.fault('a number up to 4294967295')
    }
    return value
  }

  nzNumber(): number {
    if (this.peek('0')) throw this.fault('a number from 1')
    return this.number()
  }

  /** Up to 63 bits by the grammar; what exceeds 2^53-1 is answered as 2^53-1. */
  number64(): number {
    const from = this.#at
    this.#skip(digitChar)
    const digits = this.#text.toString('latin1', from, Math.min(this.#at, from + 20))
    if (digits === '' || digits.length > 19 || BigInt(digits) > 0x7fff_ffff_ffff_ffffn) {
      this.#at = from
      throw this.fault('a number up to 9223372036854775807')
    }
    return Math.min(Number(digits), Number.MAX_SAFE_INTEGER)
  }

  /** True when an octet of this class is next. */
  protected peekClass(charClass: number): boolean {
    return (charClasses[this.#text[this.#at] ?? 0]! & charClass) !== 0
  }

  /** The octets of a class, at least one. */
  protected runOctets(charClass: number, expected: string): Buffer {
    const from = this.#at
    this.#skip(charClass)
    if (this.#at === from) throw this.fault(expected)
    return this.#text.subarray(from, this.#at)
  }

  /** The same as text: of ASCII classes. */
  protected run(charClass: number, expected: string): string {
    const from = this.#at
    this.#skip(charClass)
    if (this.#at === from) throw this.fault(expected)
    return this.#text.toString('latin1', from, this.#at)
  }

  #skip(charClass: number): void {
    const text = this.#text
    let at = this.#at
    while (at < text.length && (charClasses[text[at]!]! & charClass) !== 0) at++
    this.#at = at
  }

  protected quoted(): Buffer {
    const text = this.#text
    const from = this.#at + 1
    let escapes = 0
    for (let at = from; at < text.length; at++) {
      const octet = text[at]!
      if (octet === quote) {
        this.#at = at + 1
        return escapes === 0 ? text.subarray(from, at) : withoutEscapes(text.subarray(from, at), escapes)
      }
      if (octet === backslash) {
        at++
        escapes++
        if (text[at] !== quote && text[at] !== backslash) throw this.#faultAt(at, '\\ or " after \\')
      } else if (octet === 0x0d || octet === 0x0a) {
        throw this.#faultAt(at, 'a quoted string without line ends')
      }
    }
    throw this.#faultAt(text.length, 'the closing quote')
  }

  #faultAt(at: number, expected: string): SyntaxFault {
    this.#at = at
    return this.fault(expected)
  }

  /** `{n}` or `{n+}` CRLF, left in the text by the framer. */
  #literalOctets(): Buffer {
    if (this.#text[this.#at] !== openBrace) throw this.fault('a literal')
    const end = this.#text.indexOf('}\r\n', this.#at, 'latin1')
    const octets = this.#literals[this.#nextLiteral]
    // The digits are the framer's business: a literal stands only where a line ended with its announcement.
    if (octets === undefined || end < 0 || end - this.#at > 24) throw this.fault('a literal')
    this.#nextLiteral++
    this.#at = end + 3
    return Buffer.isBuffer(octets) ? octets : noOctets
  }

  #acceptNil(): boolean {
    const at = this.#at
    if (!this.acceptText('NIL')) return false
    if (!this.peekClass(astringChar)) return true
    this.#at = at
    return false
  }

  #utf8Text(octets: Buffer): string {
    if (isAscii(octets)) return octets.toString('latin1')
    if (!isUtf8(octets)) throw new SyntaxFault(`Expected UTF-8 in the string before octet ${this.#at + 1}`)
    return octets.toString()
  }
}

function withoutEscapes(octets: Buffer, escapes: number): Buffer {
  const plain = Buffer.allocUnsafe(octets.length - escapes)
  let to = 0
  for (let at = 0; at < octets.length; at++) {
    if (octets[at] === backslash) at++
    plain[to++] = octets[at]!
  }
  return plain
}
