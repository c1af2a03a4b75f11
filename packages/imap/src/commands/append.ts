/** APPEND. RFC 9051 §6.3.12, APPENDUID RFC 4315 §3, APPENDLIMIT RFC 7889. */
import {
  type Flags,
  type MailboxId,
  type MessageWriter,
  type StagedMessage,
  StoreError,
} from '@posthorn/storage'
import type { Parser } from '../wire/parser.ts'
import { type Completion, command, type LiteralSink, no, ok } from './command.ts'

interface Heading {
  readonly mailbox: string
  readonly flags: Flags
  /** undefined: now. */
  readonly internalDateMs: number | undefined
}

export const append = command({
  name: 'APPEND',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ({ appendLimitBytes }) =>
    appendLimitBytes === undefined ? [] : [`APPENDLIMIT=${appendLimitBytes}`],
  args: (p): Heading => {
    const heading = readHeading(p.sp())
    p.literal()
    return heading
  },
  async literal(session, preceding, sizeBytes) {
    // The mailbox's name may be a literal, too: only the last one is the message.
    if (nameIsPending(preceding)) return 'buffer'
    const heading = readHeading(preceding)
    if (sizeBytes === 0) return no("Can't save a zero byte message")
    const limitBytes = session.services.options().appendLimitBytes
    if (limitBytes > 0 && sizeBytes > limitBytes)
      return no('Message is larger than the server accepts', 'TOOBIG')
    const mailbox = await session.store.mailboxes.find(session.account.id, heading.mailbox)
    if (mailbox === undefined || !mailbox.selectable) return tryCreate()
    const { usedBytes, limitBytes: quotaBytes } = await session.store.mailboxes.quota(session.account.id)
    if (quotaBytes > 0 && usedBytes + sizeBytes > quotaBytes)
      throw new StoreError('over-quota', 'Quota exceeded')
    return new AppendSink(session.store.messages.stage(), mailbox.id)
  },
  async run(session, { flags, internalDateMs }) {
    const sink = session.literals[0]
    if (!(sink instanceof AppendSink)) throw new Error('APPEND without its literal')
    if (sink.hasNul) return no('Message contains NUL octets', 'CANNOT')
    const message = await sink.finish()
    const item = { message, flags, internalDateMs: internalDateMs ?? session.services.now() }
    try {
      const [placed] = await session.store.messages.append(sink.mailbox, [item])
      sink.placed()
      return ok('Append completed', `APPENDUID ${placed!.uidValidity} ${placed!.uid}`)
    } catch (error) {
      if (error instanceof StoreError && error.kind === 'no-such-mailbox') return tryCreate()
      throw error
    }
  },
})

const noFlags: Flags = { system: 0, keywords: [] }

function tryCreate(): Completion {
  return no("Mailbox doesn't exist", 'TRYCREATE')
}

/** Takes the space before the mailbox's name. */
function nameIsPending(p: Parser): boolean {
  return p.sp().atPendingLiteral
}

/** mailbox [SP flag-list] [SP date-time] SP; the literal is next. */
function readHeading(p: Parser): Heading {
  const mailbox = p.mailbox()
  p.sp()
  let flags = noFlags
  let internalDateMs: number | undefined
  if (p.peek('(')) {
    flags = p.flagList()
    p.sp()
  }
  if (p.peek('"')) {
    internalDateMs = p.dateTime()
    p.sp()
  }
  if (!p.peek('{')) throw p.fault('the message as a literal')
  return { mailbox, flags, internalDateMs }
}

/** The message on its way to the disk. What fails is told by `run`, once all its octets have come. */
class AppendSink implements LiteralSink {
  readonly mailbox: MailboxId
  hasNul = false
  readonly #writer: MessageWriter
  #failure: { readonly error: unknown } | undefined
  #abort: (() => Promise<void>) | undefined

  constructor(writer: MessageWriter, mailbox: MailboxId) {
    this.#writer = writer
    this.mailbox = mailbox
    this.#abort = () => writer.abort()
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined || this.hasNul) return undefined
    // RFC 9051 §4.3: a literal has none.
    if (chunk.includes(0)) {
      this.hasNul = true
      this.abort()
      return undefined
    }
    try {
      return this.#writer.write(chunk)?.catch((error: unknown) => this.#fail(error))
    } catch (error) {
      this.#fail(error)
      return undefined
    }
  }

  end(): undefined {
    return undefined
  }

  async finish(): Promise<StagedMessage> {
    if (this.#failure !== undefined) throw this.#failure.error
    const staged = await this.#writer.finish()
    this.#abort = () => staged.abort()
    return staged
  }

  placed(): void {
    this.#abort = undefined
  }

  abort(): void {
    const abort = this.#abort
    this.#abort = undefined
    // Nothing can be done about it, and nothing depends on it: the octets are unreferenced.
    abort?.().catch(() => {})
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.abort()
  }
}
