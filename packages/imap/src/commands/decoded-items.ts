/** BINARY (RFC 3516) and PREVIEW (RFC 8970): what is made of a message's octets before it is sent. */
import { decodeTransfer, knowsTransferEncoding, locatePart, octetsOf, type Part } from '@posthorn/mail'
import type { DecodedItem } from '../wire/fetch-items.ts'
import type { ResponseWriter } from '../wire/response.ts'
import { asBuffer, type MessageView } from './message-view.ts'
import { previewPart, previewText } from './preview-text.ts'

/** Octets of a stored message [start, end), its trace prefix counted, and how they are encoded. */
export interface DecodedSource {
  readonly start: number
  readonly end: number
  readonly encoding: string
  readonly part: Part | undefined
}

/** Of a long text, this much is enough for a preview. */
const previewBytes = 32 * 1024

/** undefined: no such part, or nothing to preview. */
export function decodedSource(item: DecodedItem, message: MessageView): DecodedSource | undefined {
  const prefixBytes = message.prefix.length
  if (item.kind === 'preview') {
    const part = previewPart(message.structure())
    if (part === undefined) return undefined
    const start = prefixBytes + part.bodyStart
    return { start, end: Math.min(prefixBytes + part.bodyEnd, start + previewBytes), encoding: '', part }
  }
  // The whole message is not encoded, only its parts are.
  if (item.path.length === 0)
    return { start: 0, end: message.sizeBytes + prefixBytes, encoding: '', part: undefined }
  const part = locatePart(message.structure(), item.path)
  if (part === undefined) return undefined
  const encoding = 'encoding' in part ? part.encoding : ''
  return { start: prefixBytes + part.bodyStart, end: prefixBytes + part.bodyEnd, encoding, part }
}

/** RFC 3516 §4.3: UNKNOWN-CTE. */
export function hasUnknownEncoding(item: DecodedItem, message: MessageView): boolean {
  if (item.kind === 'preview') return false
  const source = decodedSource(item, message)
  return source !== undefined && !knowsTransferEncoding(source.encoding)
}

/** @param octets of the whole message, prefix included */
export function writeDecoded(
  out: ResponseWriter,
  item: DecodedItem,
  message: MessageView,
  octets: Buffer,
): void {
  const source = decodedSource(item, message)
  writeSource(out, item, source, source && octets.subarray(source.start, source.end))
}

/** @param octets those of `source` */
export function writeSource(
  out: ResponseWriter,
  item: DecodedItem,
  source: DecodedSource | undefined,
  octets: Buffer | undefined,
): void {
  if (item.kind === 'preview') {
    out.text('PREVIEW ')
    // RFC 8970 §3.2: nothing to show is an empty string; NIL would be "ask again".
    const text = source?.part && octets ? previewText(source.part, octets) : ''
    out.nstring(octetsOf(Buffer.from(text)))
    return
  }
  out.text(item.label).text(' ')
  const decoded = source && octets && asBuffer(decodeTransfer(octets, source.encoding))
  if (item.kind === 'binary-size') out.number(decoded?.length ?? 0)
  else if (decoded === undefined) out.text('NIL')
  else {
    const { start, length } = item.partial ?? { start: 0, length: decoded.length }
    const wanted = decoded.subarray(start, start + length)
    // literal8 only where a NUL needs it (RFC 3516 §4.3).
    out.text(decoded.includes(0) ? '~' : '').literal(wanted)
  }
}
