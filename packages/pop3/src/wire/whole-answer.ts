import type { QuickMessage } from '@posthorn/storage'
import { DotStuffer, type NulTreatment } from './dot-stuffing.ts'
import { findHeaderEnd, skipLines } from './header-end.ts'

/** How messages are sent. */
export interface Sending {
  /** Dovecot: pop3_client_workarounds outlook-no-nuls. Outlook hangs on NUL. */
  readonly nul: NulTreatment
  /** Dovecot: pop3_client_workarounds oe-ns-eoh: an empty line where a message has none behind its header. */
  readonly missingHeaderEnd: 'added' | 'kept'
}

/** The whole answer to a RETR or TOP. */
export interface WholeAnswer {
  /** From `+OK` to the last dot's line end. */
  readonly bytes: Buffer
  /** Octets of the message as they are sent, without the end. */
  readonly messageBytes: number
}

const emptyLine = Buffer.from('\r\n\r\n')

/**
 * RFC 1939 §5, RETR, for a message that is at hand. Made in the memory that `take` gives, in one piece: what
 * answers to pipelined commands take one after the other is one write.
 */
export function wholeAnswer(
  message: QuickMessage,
  sending: Sending,
  take: (lengthBytes: number) => Buffer,
): WholeAnswer {
  const { octets } = message
  const endsHeader = sending.missingHeaderEnd === 'added' && !hasHeaderEnd(octets)
  return compose(
    (sizeBytes) => `+OK ${sizeBytes} octets\r\n`,
    message,
    sending,
    endsHeader ? 'added' : 'kept',
    take,
  )
}

/** RFC 1939 §7, TOP: the header, its empty line, and so many lines of the body. */
export function topAnswer(
  message: QuickMessage,
  lineCount: number,
  sending: Sending,
  take: (lengthBytes: number) => Buffer,
): WholeAnswer {
  const { octets, plainFrom } = message
  const bodyStart = findHeaderEnd(octets)
  if (bodyStart === undefined) return compose(plainStart, message, sending, 'added', take)
  const { end } = skipLines(octets, bodyStart, lineCount)
  const top = { octets: octets.subarray(0, end), plainFrom: Math.min(plainFrom, end) }
  return compose(plainStart, top, sending, 'kept', take)
}

function plainStart(): string {
  return '+OK\r\n'
}

/** @param startFor given the octets of the message as it is sent, without stuffed dots */
function compose(
  startFor: (sizeBytes: number) => string,
  { octets, plainFrom }: QuickMessage,
  { nul }: Sending,
  headerEnd: Sending['missingHeaderEnd'],
  take: (lengthBytes: number) => Buffer,
): WholeAnswer {
  const stuffer = new DotStuffer(nul)
  const first = stuffer.push(octets.subarray(0, plainFrom))
  const others = octets.subarray(plainFrom)
  // A line that is not ended yet goes on in what would be plain by itself.
  const rest = stuffer.atLineStart ? others : stuffer.push(others)
  const end = headerEnd === 'added' ? addHeaderEnd(stuffer.finish()) : stuffer.finish()
  const messageBytes = first.length + rest.length
  const start = startFor(octets.length + stuffer.missingOctets)
  const bytes = take(start.length + messageBytes + end.length)
  bytes.write(start, 0, 'latin1')
  bytes.set(first, start.length)
  bytes.set(rest, start.length + first.length)
  bytes.write(end, start.length + messageBytes, 'latin1')
  return { bytes, messageBytes }
}

/** The header's last line was all there was: its empty line, then the end. */
export function addHeaderEnd(end: string): string {
  return end.startsWith('.') ? `\r\n${end}` : end.replace('.', '\r\n.')
}

function hasHeaderEnd(message: Uint8Array): boolean {
  const view = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  return view.indexOf(emptyLine) >= 0 || findHeaderEnd(message) !== undefined
}
