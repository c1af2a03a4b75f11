/**
 * A reader over one complete command, its methods named after the grammar's elements (RFC 9051 §9).
 * What breaks the grammar throws SyntaxFault (BAD); a mailbox name or a keyword that no mailbox can have
 * throws StoreError (NO). Nothing recurses here: rules that nest count their depth.
 */
import { type Flags, StoreError } from '@posthorn/storage'
import { asciiLower } from './ascii.ts'
import { listChar, setChar } from './char-class.ts'
import { parseDateText, parseDateTime } from './date-time.ts'
import { flagsFrom } from './flags.ts'
import type { Frame } from './frame.ts'
import { Lexer } from './lexer.ts'
import { decodeMailboxName, decodeUtf8MailboxName } from './mailbox-name.ts'
import { NumberSet } from './number-set.ts'
import { SyntaxFault } from './syntax-fault.ts'

export interface ParserOptions {
  /** UTF8=ACCEPT or IMAP4rev2 is enabled: mailbox names are UTF-8 (RFC 6855 §3, RFC 9051 §5.1). */
  readonly utf8?: boolean
}

export class Parser extends Lexer {
  readonly #utf8: boolean
  #mailboxAsGiven = ''

  constructor(frame: Frame, options: ParserOptions = {}) {
    super(frame)
    this.#utf8 = options.utf8 ?? false
  }

  /** Another reader that stands where this one stands now. */
  fork(): Parser {
    return new Parser(this.frame, { utf8: this.#utf8 }).joinAt(this)
  }

  /** To where another reader of the same command stands, when less of it had come. */
  goTo(other: Parser): this {
    return this.joinAt(other)
  }

  /** sequence-set, also of UIDs, and `$` (RFC 5182). */
  numberSet(): NumberSet {
    return NumberSet.parse(this.run(setChar, 'a message set'), () => this.fault('a message set'))
  }

  /** True when a number set is next: tells the set among search keys. */
  get atNumberSet(): boolean {
    return this.peekClass(setChar)
  }

  /** Unicode, INBOX in upper case. Modified UTF-7 must be in its one canonical form (RFC 3501 §5.1.3). */
  mailbox(): string {
    return this.#mailboxName(this.astringOctets())
  }

  /** As the client spelt the name that `mailbox` read last; only where names are UTF-8 (RFC 9051 §6.3.9.7). */
  get mailboxAsGiven(): string {
    return this.#mailboxAsGiven
  }

  /** A name with `%` and `*`; Unicode. undefined: no name can be meant, which is no fault (RFC 9051 §6.3.9). */
  listMailbox(): string | undefined {
    const quoted = this.peek('"') || this.peek('{')
    const octets = quoted ? this.stringOctets() : this.runOctets(listChar, 'a mailbox pattern')
    return this.#utf8 ? decodeUtf8MailboxName(octets) : decodeMailboxName(octets)
  }

  /** `(` `)` or `(` item *(SP item) `)`. */
  list<T>(item: () => T): T[] {
    this.expect('(').acceptSp()
    const items: T[] = []
    if (this.accept(')')) return items
    for (;;) {
      items.push(item())
      const parted = this.acceptSp()
      if (this.accept(')')) return items
      if (!parted) throw this.fault('a space or ")"')
    }
  }

  /** At least one item. */
  nonEmptyList<T>(item: () => T): T[] {
    const items = this.list(item)
    if (items.length === 0)
      throw new SyntaxFault(`Expected an item in the list before octet ${this.position}`)
    return items
  }

  flagList(): Flags {
    return flagsFrom(this.list(() => this.flag()))
  }

  /**
   * Of a new message. `\Recent` says nothing about it, but imapcopy sends the flags of another server as they came,
   * and would lose the message.
   */
  newFlags(): Flags {
    return flagsFrom(this.list(() => this.flag()).filter((name) => asciiLower(name) !== '\\recent'))
  }

  /** `\Seen` or a keyword, as spelt. */
  flag(): string {
    const system = this.accept('\\')
    const name = this.atom()
    return system ? `\\${name}` : name
  }

  /** STORE's value: a list, or flags without parentheses. */
  storeFlags(): Flags {
    if (this.peek('(')) return this.flagList()
    const names = [this.flag()]
    while (this.acceptSp()) names.push(this.flag())
    return flagsFrom(names)
  }

  /** `"17-Jul-1996 02:44:25 -0700"` → ms since 1970. */
  dateTime(): number {
    const at = this.position
    if (!this.peek('"')) throw this.fault('a date-time in quotes')
    const dateMs = parseDateTime(this.quoted().toString('latin1'))
    if (dateMs !== undefined) return dateMs
    this.goBack(at)
    throw this.fault('a date-time like "17-Jul-1996 02:44:25 -0700"')
  }

  /** `1-Feb-1994`, quotes allowed → days since 1970. */
  date(): number {
    const at = this.position
    const day = parseDateText(this.peek('"') ? this.quoted().toString('latin1') : this.atom())
    if (day !== undefined) return day
    this.goBack(at)
    throw this.fault('a date like 1-Feb-1994')
  }

  #mailboxName(octets: Buffer): string {
    const name = this.#utf8 ? decodeUtf8MailboxName(octets) : decodeMailboxName(octets)
    if (this.#utf8) this.#mailboxAsGiven = octets.toString()
    if (name === undefined) throw new StoreError('invalid-name', 'Mailbox name is not valid')
    return name
  }
}
