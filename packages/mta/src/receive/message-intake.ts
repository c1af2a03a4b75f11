import type { Answer } from '@posthorn/smtp'
import type { MessageStore, MessageWriter, StagedMessage } from '@posthorn/storage'
import type { ContentFilter } from '../checks/index.ts'
import type { MilterContent } from '../milter/index.ts'
import { type HeaderFacts, HeaderGate } from './header-gate.ts'
import { MailboxLine } from './mailbox-line.ts'
import { mendHeader, type OwnHeader } from './own-header.ts'

export interface IntakeOptions {
  /** Our trace fields, put before the message. */
  readonly trace: readonly Buffer[]
  /** header_checks and body_checks; undefined: the message is not looked at. */
  readonly filter?: ContentFilter | undefined
  /** Present when filters have to say something: nothing is written before `finish`. */
  readonly content?: MilterContent | undefined
  /** Present for mail of our own users: the header is mended. */
  readonly own: OwnHeader | undefined
  /** 0 = none. */
  readonly sizeLimitBytes: number
}

/** A message on its way from a client into the store. */
export interface MessageIntake {
  readonly facts: HeaderFacts
  /** Octets as they came. */
  readonly sizeBytes: number
  readonly tooLarge: boolean
  write(chunk: Uint8Array): Promise<void> | undefined
  /** After the last octet: what header_checks and body_checks want. undefined: nothing was looked at. */
  checked(): Answer<ContentFilter | undefined>
  finish(): Promise<StagedMessage>
  abort(): Promise<void>
}

/** Opens a writer. Throws StoreError. */
export function openIntake(messages: Pick<MessageStore, 'stage'>, options: IntakeOptions): MessageIntake {
  return new StoreIntake(messages.stage(), options)
}

/**
 * A class, for an object with accessors of its own has a hidden class of its own, too: those are old from the start, and
 * keep a message's octets until the next thorough collection of garbage.
 */
class StoreIntake implements MessageIntake {
  readonly facts: HeaderFacts
  sizeBytes = 0
  tooLarge = false
  readonly #writer: MessageWriter
  readonly #gate: HeaderGate
  readonly #filter: ContentFilter | undefined
  readonly #content: MilterContent | undefined
  readonly #sizeLimitBytes: number
  readonly #separators = new MailboxLine()

  constructor(writer: MessageWriter, { own, filter, content, ...options }: IntakeOptions) {
    const trace = filter === undefined ? joined(options.trace) : filter.trace(options.trace)
    content?.setTrace(trace)
    this.#gate = new HeaderGate(
      content === undefined
        ? (chunk, octets) => writer.write(chunk, octets)
        : (chunk) => content.write(chunk),
      own === undefined ? undefined : (header, facts) => mendHeader(header, facts, own),
      content === undefined ? trace : undefined,
    )
    this.facts = this.#gate.facts
    this.#writer = writer
    this.#filter = filter
    this.#content = content
    this.#sizeLimitBytes = options.sizeLimitBytes
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.sizeBytes += chunk.length
    if (this.#sizeLimitBytes > 0 && this.sizeBytes > this.#sizeLimitBytes) this.tooLarge = true
    if (this.tooLarge) return undefined
    return this.#take(this.#separators.push(chunk))
  }

  checked(): Answer<ContentFilter | undefined> {
    return this.#filter === undefined && this.#content === undefined ? undefined : this.#finishChecks()
  }

  async finish(): Promise<StagedMessage> {
    const content = this.#content
    const rest = this.#takeRest()
    if (rest !== undefined) await rest
    const last = content === undefined ? this.#gate.finish() : pour(content, this.#writer)
    if (last !== undefined) await last
    return this.#writer.finish()
  }

  async abort(): Promise<void> {
    await this.#content?.close()
    await this.#writer.abort()
  }

  #take(bytes: Uint8Array): Promise<void> | undefined {
    return this.#filter === undefined ? this.#gate.push(bytes) : this.#pass(this.#filter.push(bytes))
  }

  #takeRest(): Promise<void> | undefined {
    const rest = this.#separators.rest()
    return rest.length === 0 ? undefined : this.#take(rest)
  }

  #pass(bytes: Uint8Array): Promise<void> | undefined {
    return bytes.length === 0 ? undefined : this.#gate.push(bytes)
  }

  async #finishChecks(): Promise<ContentFilter | undefined> {
    await this.#takeRest()
    if (this.#filter !== undefined) await this.#pass(this.#filter.finish())
    if (this.#content !== undefined) {
      await this.#gate.finish()
      await this.#content.finish()
    }
    return this.#filter
  }
}

const joined = (fields: readonly Buffer[]): Buffer =>
  fields.length === 1 ? (fields[0] as Buffer) : Buffer.concat(fields)

async function pour(content: MilterContent, writer: MessageWriter): Promise<void> {
  for await (const octets of content.octets()) await writer.write(octets)
  await content.close()
}
