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
  const writer: MessageWriter = messages.stage()
  const { own, filter, content } = options
  const trace = filter === undefined ? joined(options.trace) : filter.trace(options.trace)
  content?.setTrace(trace)
  const gate = new HeaderGate(
    content === undefined ? (chunk, octets) => writer.write(chunk, octets) : (chunk) => content.write(chunk),
    own === undefined ? undefined : (header, facts) => mendHeader(header, facts, own),
    content === undefined ? trace : undefined,
  )
  let sizeBytes = 0
  let tooLarge = false
  const separators = new MailboxLine()
  const pass = (bytes: Uint8Array) => (bytes.length === 0 ? undefined : gate.push(bytes))
  const take = (bytes: Uint8Array) => (filter === undefined ? gate.push(bytes) : pass(filter.push(bytes)))
  const takeRest = () => {
    const rest = separators.rest()
    return rest.length === 0 ? undefined : take(rest)
  }
  const finishChecks = async (): Promise<ContentFilter | undefined> => {
    await takeRest()
    if (filter !== undefined) await pass(filter.finish())
    if (content !== undefined) {
      await gate.finish()
      await content.finish()
    }
    return filter
  }
  return {
    facts: gate.facts,
    get sizeBytes() {
      return sizeBytes
    },
    get tooLarge() {
      return tooLarge
    },
    write(chunk) {
      sizeBytes += chunk.length
      if (options.sizeLimitBytes > 0 && sizeBytes > options.sizeLimitBytes) tooLarge = true
      if (tooLarge) return undefined
      return take(separators.push(chunk))
    },
    checked() {
      return filter === undefined && content === undefined ? undefined : finishChecks()
    },
    async finish() {
      const rest = takeRest()
      if (rest !== undefined) await rest
      const last = content === undefined ? gate.finish() : pour(content, writer)
      if (last !== undefined) await last
      return writer.finish()
    },
    async abort() {
      await content?.close()
      await writer.abort()
    },
  }
}

const joined = (fields: readonly Buffer[]): Buffer =>
  fields.length === 1 ? (fields[0] as Buffer) : Buffer.concat(fields)

async function pour(content: MilterContent, writer: MessageWriter): Promise<void> {
  for await (const octets of content.octets()) await writer.write(octets)
  await content.close()
}
