import { decodeCharset } from './charset.ts'
import { decodeWords } from './encoded-word.ts'
import { headerEnd } from './header.ts'
import { asBuffer } from './octets.ts'
import { parameterText } from './parameters.ts'
import type { Part } from './structure.ts'
import type { MessageSummary } from './summary.ts'
import { decodeTransfer } from './transfer-encoding.ts'

export interface DecodedText {
  /** 'header': the message's own header block; 'body': a text part, or a header inside the body. */
  readonly place: 'header' | 'body'
  readonly text: string
}

/**
 * Decoded text for searching: the header (RFC 2047 words decoded, unfolded), the headers of the parts, and
 * every text part without its transfer encoding and charset. Attachments that are not text are left out.
 * RFC 9051 §6.4.4 BODY, TEXT. `message` is without trace prefix.
 */
export function* decodedTexts(
  message: Uint8Array,
  summary: Pick<MessageSummary, 'headerBytes' | 'structure'>,
): Generator<DecodedText> {
  yield { place: 'header', text: decodeHeaderBlock(message.subarray(0, summary.headerBytes)) }
  const open: Part[] = [summary.structure]
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    if (part.headerStart > 0 && part.bodyStart > part.headerStart) {
      yield { place: 'body', text: decodeHeaderBlock(message.subarray(part.headerStart, part.bodyStart)) }
    }
    if (part.kind === 'text') yield { place: 'body', text: decodeTextPart(message, part) }
    else if (part.kind === 'message') open.push(part.content)
    else if (part.kind === 'multipart') for (const child of part.children.toReversed()) open.push(child)
  }
}

/** A header block as text: one line a field. */
export const decodeHeaderBlock = (header: Uint8Array): string => {
  const block = asBuffer(header).toString('latin1')
  const unfolded = block.replace(/\r?\n(?=[ \t])/g, '')
  if (!unfolded.includes('=?') && /^[\0-\x7f]*$/.test(unfolded)) return unfolded
  return unfolded
    .split('\n')
    .map((line) => decodeWords(line))
    .join('\n')
}

/** RFC 2045 §6, RFC 2046 §4.1. */
export const decodeTextPart = (
  message: Uint8Array,
  part: Extract<Part, { kind: 'text' | 'other' }>,
): string => {
  const octets = decodeTransfer(message.subarray(part.bodyStart, part.bodyEnd), part.encoding)
  return decodeCharset(octets, parameterText(part.parameters, 'charset') ?? '')
}

/** Only the header, for messages whose body is not at hand. */
export const decodeMessageHeader = (message: Uint8Array): string =>
  decodeHeaderBlock(message.subarray(0, headerEnd(message)))
