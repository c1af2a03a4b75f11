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

export interface AppendMessages {
  readonly messages: readonly NewMessage[]
  readonly pending: PendingLiteral | undefined
}

const noFlags: Flags = { system: 0, keywords: [] }

/** `1*append-message`, each with the space before it, or as far as they have come. */
export function appendMessages(p: Parser, count: 'one' | 'many'): AppendMessages {
  const messages: NewMessage[] = []
  p.sp()
  for (;;) {
    const message = new MessageReader(p)
    const pending = message.read()
    messages.push(message)
    if (pending !== undefined) return { messages, pending }
    if (count === 'one' || !p.acceptSp()) return { messages, pending: undefined }
  }
}

class MessageReader implements NewMessage {
  flags = noFlags
  internalDateMs: number | undefined
  catenated = false
  utf8 = false
  readonly pieces: MessagePiece[] = []
  readonly #p: Parser

  constructor(p: Parser) {
    this.#p = p
  }

  /** Gives the literal that is still to come. */
  read(): PendingLiteral | undefined {
    const p = this.#p
    if (p.peek('(')) {
      this.flags = p.newFlags()
      p.sp()
    }
    if (p.peek('"')) {
      this.internalDateMs = p.dateTime()
      p.sp()
    }
    if (p.acceptText('CATENATE (')) return this.#catenate()
    return this.#literal()
  }

  /** `{n}`, `~{n}` or `UTF8 (~{n})`. */
  #literal(): PendingLiteral | undefined {
    if (!this.#p.acceptText('UTF8 (')) return this.#octets()
    this.utf8 = true
    return this.#octets() ?? this.#close()
  }

  #close(): undefined {
    this.#p.expect(')')
  }

  #octets(): PendingLiteral | undefined {
    const p = this.#p
    if (!p.atLiteral) throw p.fault('the message as a literal')
    if (p.atPendingLiteral) return { kind: 'octets', octets: p.peek('~') ? 'any octets' : 'no NUL' }
    // Its octets were streamed, and looked at then.
    p.literal8()
    this.pieces.push({ kind: 'octets' })
    return undefined
  }

  #catenate(): PendingLiteral | undefined {
    const p = this.#p
    this.catenated = true
    do {
      const pending = p.acceptText('URL ') ? this.#url() : this.#text()
      if (pending !== undefined) return pending
    } while (p.acceptSp())
    return this.#close()
  }

  #url(): PendingLiteral | undefined {
    if (this.#p.atPendingLiteral) return { kind: 'argument' }
    this.pieces.push({ kind: 'url', url: this.#p.astring() })
    return undefined
  }

  #text(): PendingLiteral | undefined {
    // RFC 6855 §4: cat-part =/ utf8-literal.
    if (this.#p.peekText('UTF8 (')) return this.#literal()
    if (!this.#p.acceptText('TEXT ')) throw this.#p.fault('TEXT or URL')
    return this.#octets()
  }
}
