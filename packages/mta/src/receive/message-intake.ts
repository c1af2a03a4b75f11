import type { Answer } from '@posthorn/smtp'
import type { MessageStore, MessageWriter, StagedMessage } from '@posthorn/storage'
import type { ContentFilter } from '../checks/index.ts'
import type { MilterContent } from '../milter/index.ts'
import type { ForbiddenCharacters } from './forbidden-characters.ts'
import { type HeaderFacts, HeaderGate } from './header-gate.ts'
import { MailboxLine } from './mailbox-line.ts'
import {
  type DroppedFields,
  defaultDroppedFields,
  dropFields,
  mendHeader,
  type OwnHeader,
} from './own-header.ts'

export interface IntakeOptions {
  /** Our trace fields, put before the message. */
  readonly trace: readonly Buffer[]
  /** header_checks and body_checks; undefined: the message is not looked at. */
  readonly filter?: ContentFilter | undefined
  /** Present when filters have to say something: nothing is written before `finish`. */
  readonly content?: MilterContent | undefined
  /** Present for mail of our own users: the header is mended. */
  readonly own: OwnHeader | undefined
  /** Fields that go from any header. Default: those of Postfix. */
  readonly dropped?: DroppedFields | undefined
  /** Octets that no message may have; undefined: any may stand there. */
  readonly characters?: ForbiddenCharacters | undefined
  /** 0 = none. */
  readonly sizeLimitBytes: number
}

/** A message on its way from a client into the store. */
export interface MessageIntake {
  readonly facts: HeaderFacts
  /** Octets as they came. */
  readonly sizeBytes: number
  readonly tooLarge: boolean
  /** It holds what no message may. Postfix: message_reject_characters. */
  readonly forbidden?: boolean
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
  readonly #characters: ForbiddenCharacters | undefined
  forbidden = false
  readonly #separators = new MailboxLine()

  constructor(
    writer: MessageWriter,
    { own, filter, content, dropped = defaultDroppedFields, characters, ...options }: IntakeOptions,
  ) {
    const trace = filter === undefined ? joined(options.trace) : filter.trace(options.trace)
    content?.setTrace(trace)
    this.#gate = new HeaderGate(
      content === undefined
        ? (chunk, octets) => writer.write(chunk, octets)
        : (chunk) => content.write(chunk),
      (header, facts) =>
        own === undefined ? dropFields(header, dropped) : mendHeader(header, facts, own, dropped),
      content === undefined ? trace : undefined,
    )
    this.facts = this.#gate.facts
    this.#writer = writer
    this.#filter = filter
    this.#content = content
    this.#sizeLimitBytes = options.sizeLimitBytes
    this.#characters = characters
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.sizeBytes += chunk.length
    if (this.#sizeLimitBytes > 0 && this.sizeBytes > this.#sizeLimitBytes) this.tooLarge = true
    if (this.tooLarge) return undefined
    const separated = this.#separators.push(chunk)
    if (this.#characters === undefined) return this.#take(separated)
    if (this.#characters.refuses(separated)) this.forbidden = true
    return this.#take(this.#characters.stripped(separated))
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
