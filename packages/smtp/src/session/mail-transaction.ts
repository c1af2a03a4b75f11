import type { Answer, MailFrom, SmtpReply, SmtpTransaction } from '../handler.ts'
import { DataReader } from '../wire/data-reader.ts'

/** A mail transaction as the session sees it: the handler's part, counts, and the content on its way. */
export class MailTransaction {
  readonly from: MailFrom
  readonly #handled: SmtpTransaction
  readonly #sizeLimitBytes: number
  readonly startedMs: number
  accepted = 0
  /** RCPT commands refused because there were too many already. */
  overshoot = 0
  /** Set with the first octet of content that BDAT may bring. */
  chunks: DataReader | undefined
  /** After the first BDAT nothing but BDAT and RSET goes on, and after a refused one RSET alone (RFC 3030 §2). */
  chunking: 'not' | 'begun' | 'failed' = 'not'
  tooLarge = false
  /** The handler asked to wait until this is done. */
  drained: Promise<void> | undefined
  #over = false

  constructor(from: MailFrom, handled: SmtpTransaction, sizeLimitBytes: number, startedMs: number) {
    this.from = from
    this.#handled = handled
    this.#sizeLimitBytes = sizeLimitBytes
    this.startedMs = startedMs
  }

  rcpt(...args: Parameters<SmtpTransaction['rcpt']>): Answer<SmtpReply> {
    return this.#handled.rcpt(...args)
  }

  begin(): Answer<SmtpReply> {
    return this.#handled.data()
  }

  reader(framing: 'dot' | 'counted', bareLf: 'strict' | 'lenient', commandEnd: 'crlf' | 'lf'): DataReader {
    const reader: DataReader = new DataReader({
      sink: (chunk) => this.#take(chunk, reader.sizeBytes),
      bareLf,
      commandEnd,
      framing,
    })
    return reader
  }

  #take(chunk: Uint8Array, sizeBytes: number): void {
    if (this.tooLarge) return
    if (this.#sizeLimitBytes > 0 && sizeBytes > this.#sizeLimitBytes) {
      this.tooLarge = true
      return
    }
    const wait = this.#handled.write(chunk)
    if (wait !== undefined) this.drained = this.drained === undefined ? wait : this.drained.then(() => wait)
  }

  end(): Answer<SmtpReply | readonly SmtpReply[]> {
    this.#over = true
    return this.#handled.end()
  }

  /** Does nothing after `end`. */
  abort(reason: string): Answer<void> {
    if (this.#over) return
    this.#over = true
    return this.#handled.abort(reason)
  }
}
