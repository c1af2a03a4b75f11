/** APPEND's messages. RFC 9051 §6.3.12; several RFC 3502, CATENATE RFC 4469, literal8 RFC 3516 §4.4, UTF8 RFC 6855 §4. */
import type { Flags } from '@posthorn/storage'
import type { Parser } from './parser.ts'

export type MessagePiece = { readonly kind: 'octets' } | { readonly kind: 'url'; readonly url: string }

export interface NewMessage {
  readonly flags: Flags
  /** undefined: now. */
  readonly internalDateMs: number | undefined
  readonly catenated: boolean
  /** It was announced to have a header in UTF-8: RFC 6855 §4. */
  readonly utf8: boolean
  readonly pieces: readonly MessagePiece[]
}

/** The literal that was only announced so far, at the end of what is read. */
export type PendingLiteral =
  /** Part of the command: a mailbox's name, a URL. */
  | { readonly kind: 'argument' }
  /** Octets of the last message. */
  | { readonly kind: 'octets'; readonly octets: 'any octets' | 'no NUL' }

interface ReadMessage extends NewMessage {
  flags: Flags
  internalDateMs: number | undefined
  catenated: boolean
  utf8: boolean
  readonly pieces: MessagePiece[]
}

const newMessage = (): ReadMessage => ({
  flags: { system: 0, keywords: [] },
  internalDateMs: undefined,
  catenated: false,
  utf8: false,
  pieces: [],
})

/** `1*append-message`, each with the space before it, of a command that is here as a whole. */
export function appendMessages(p: Parser, count: 'one' | 'many'): readonly NewMessage[] {
  const reader = new AppendReader(count)
  reader.read(p)
  return reader.messages
}

/**
 * The same as far as it has come. Reads on where it stopped: thousands of literals in one command would cost their
 * square if each were looked for from the beginning.
 */
export class AppendReader {
  readonly #messages: ReadMessage[] = []
  readonly #literals: Generator<PendingLiteral, void>
  #reading: Parser | undefined

  constructor(count: 'one' | 'many') {
    this.#literals = this.#all(count)
  }

  get messages(): readonly NewMessage[] {
    return this.#messages
  }

  /**
   * @param p of the command, as much of it as there is now: at the first time behind the mailbox's name
   * @returns the literal that is still to come
   * @throws SyntaxFault
   */
  read(p: Parser): PendingLiteral | undefined {
    this.#reading = this.#reading === undefined ? p : p.goTo(this.#reading)
    return this.#literals.next().value ?? undefined
  }

  get #p(): Parser {
    return this.#reading!
  }

  *#all(count: 'one' | 'many'): Generator<PendingLiteral, void> {
    this.#p.sp()
    do {
      const message = newMessage()
      this.#messages.push(message)
      yield* this.#message(message)
    } while (count === 'many' && this.#p.acceptSp())
  }

  *#message(message: ReadMessage): Generator<PendingLiteral, void> {
    const p = this.#p
    if (p.peek('(')) {
      message.flags = p.newFlags()
      p.sp()
    }
    if (p.peek('"')) {
      message.internalDateMs = p.dateTime()
      p.sp()
    }
    if (p.acceptText('CATENATE (')) yield* this.#catenate(message)
    else yield* this.#literal(message)
  }

  /** `{n}`, `~{n}` or `UTF8 (~{n})`. */
  *#literal(message: ReadMessage): Generator<PendingLiteral, void> {
    if (!this.#p.acceptText('UTF8 (')) return yield* this.#octets(message)
    message.utf8 = true
    yield* this.#octets(message)
    this.#p.expect(')')
  }

  *#octets({ pieces }: ReadMessage): Generator<PendingLiteral, void> {
    const p = this.#p
    if (!p.atLiteral) throw p.fault('the message as a literal')
    if (p.atPendingLiteral) yield { kind: 'octets', octets: p.peek('~') ? 'any octets' : 'no NUL' }
    // Its octets were streamed, and looked at then.
    this.#p.literal8()
    pieces.push({ kind: 'octets' })
  }

  *#catenate(message: ReadMessage): Generator<PendingLiteral, void> {
    message.catenated = true
    do {
      if (this.#p.acceptText('URL ')) yield* this.#url(message)
      else yield* this.#text(message)
    } while (this.#p.acceptSp())
    this.#p.expect(')')
  }

  *#url({ pieces }: ReadMessage): Generator<PendingLiteral, void> {
    if (this.#p.atPendingLiteral) yield { kind: 'argument' }
    pieces.push({ kind: 'url', url: this.#p.astring() })
  }

  *#text(message: ReadMessage): Generator<PendingLiteral, void> {
    const p = this.#p
    // RFC 6855 §4: cat-part =/ utf8-literal.
    if (p.peekText('UTF8 (')) return yield* this.#literal(message)
    if (!p.acceptText('TEXT ')) throw p.fault('TEXT or URL')
    yield* this.#octets(message)
  }
}
