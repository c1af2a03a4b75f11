import { type MailboxId, type MessageWriter, type StagedMessage, StoreError } from '@posthorn/storage'
import type { AppendReader, MessagePiece } from '../wire/append-messages.ts'
import type { LiteralSink } from './command.ts'

/** One message of an APPEND on its way to the disk. What fails is told by `finish`, once all octets have come. */
export class AppendDraft {
  readonly mailbox: MailboxId
  /** Among the command's messages. */
  readonly index: number
  /** Pieces whose octets have been written, or are being written. */
  pieceCount = 0
  /** A NUL in a literal that is not binary (RFC 9051 §4.3). */
  hasNul = false
  readonly #writer: MessageWriter
  #failure: { readonly error: unknown } | undefined
  /** What is given up with the draft. A function in its place would be born old, and keep the octets for long. */
  #unplaced: MessageWriter | StagedMessage | undefined

  constructor(writer: MessageWriter, mailbox: MailboxId, index: number) {
    this.#writer = writer
    this.mailbox = mailbox
    this.index = index
    this.#unplaced = writer
  }

  get sizeBytes(): number {
    return this.#writer.sizeBytes
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined || this.hasNul) return undefined
    try {
      return this.#writer.write(chunk)?.catch((error: unknown) => this.#fail(error))
    } catch (error) {
      this.#fail(error)
      return undefined
    }
  }

  /** Writes the URLs that come before piece `end`. */
  async writeUrls(
    pieces: readonly MessagePiece[],
    end: number,
    octetsOf: (url: string) => AsyncIterable<Uint8Array>,
  ): Promise<void> {
    for (; this.pieceCount < end; this.pieceCount++) {
      const piece = pieces[this.pieceCount]!
      if (piece.kind !== 'url') continue
      for await (const octets of octetsOf(piece.url)) await this.write(octets)
    }
  }

  refuseNul(): void {
    this.hasNul = true
    this.abort()
  }

  async finish(): Promise<StagedMessage> {
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#unplaced === undefined) throw new StoreError('limit', 'The message was given up')
    const staged = await this.#writer.finish()
    this.#unplaced = staged
    return staged
  }

  placed(): void {
    this.#unplaced = undefined
  }

  abort(): void {
    const unplaced = this.#unplaced
    this.#unplaced = undefined
    // Nothing can be done about it, and nothing depends on it: the octets are unreferenced.
    unplaced?.abort().catch(() => {})
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.abort()
  }
}

/** The messages of one command as they come: the first that is kept with its literals, so that all end with them. */
export class Drafts implements LiteralSink {
  readonly reader: AppendReader
  readonly list: AppendDraft[] = []

  constructor(reader: AppendReader) {
    this.reader = reader
  }

  get sizeBytes(): number {
    return this.list.reduce((sum, draft) => sum + draft.sizeBytes, 0)
  }

  write(): undefined {
    return undefined
  }

  end(): undefined {
    return undefined
  }

  abort(): void {
    for (const draft of this.list) draft.abort()
  }
}

/** A literal's octets go into a draft. */
export class DraftSink implements LiteralSink {
  readonly draft: AppendDraft
  readonly #octets: 'any octets' | 'no NUL'

  constructor(draft: AppendDraft, octets: 'any octets' | 'no NUL') {
    this.draft = draft
    this.#octets = octets
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#octets === 'no NUL' && !this.draft.hasNul && chunk.includes(0)) this.draft.refuseNul()
    return this.draft.write(chunk)
  }

  end(): undefined {
    return undefined
  }

  abort(): void {
    this.draft.abort()
  }
}
