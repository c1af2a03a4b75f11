import { decodeSummary, type OctetRanges } from '@posthorn/mail'
import { MessageTexts } from '../search/message-texts.ts'
import { separator } from './text-record.ts'

/** A message's texts as they are searched: decoded, case folded, UTF-8. */
export interface FoldedMessage {
  /** Trace prefix and header, each line after a line end. */
  readonly head: Buffer
  /** MIME headers of the parts. */
  readonly parts: Buffer
  readonly body: Buffer
}

/** What is kept of one message; longer ones are searched in the message itself. */
export const maxTextLength = 2 * 1024 * 1024
const maxHeaderBytes = 128 * 1024

/** undefined when it is too long. RFC 9051 §6.4.4 TEXT, BODY, HEADER; RFC 5051. */
export const foldMessage = (
  prefix: Uint8Array,
  message: OctetRanges,
  summary: Uint8Array,
): FoldedMessage | undefined => {
  const { headerBytes } = decodeSummary(summary)
  if (headerBytes + prefix.length > maxHeaderBytes) return undefined
  const texts = new MessageTexts(prefix, message, summary).all(maxTextLength)
  if (texts === undefined) return undefined
  const own = (prefix.length > 0 ? 1 : 0) + (headerBytes > 0 ? 1 : 0)
  const rest = texts.slice(own)
  return {
    head: joined(texts.slice(0, own).map(({ text }) => `\n${text}`)),
    parts: joined(rest.filter(({ place }) => place === 'header').map(({ text }) => text)),
    body: joined(rest.filter(({ place }) => place === 'body').map(({ text }) => text)),
  }
}

const gap = Buffer.of(separator)

/** Each with a separator behind it. */
const joined = (texts: readonly string[]): Buffer =>
  Buffer.concat(texts.flatMap((text) => [Buffer.from(text), gap]))
