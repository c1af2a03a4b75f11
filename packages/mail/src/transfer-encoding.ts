import { createBase64Decoder, decodeBase64 } from './base64-decoder.ts'
import { decodeQuotedPrintable } from './quoted-printable.ts'
import { createQuotedPrintableDecoder } from './quoted-printable-decoder.ts'

/** Octets in, decoded octets out; `finish` gives what was held back. */
export interface OctetDecoder {
  push(chunk: Uint8Array): Uint8Array
  finish(): Uint8Array
}

const nothing = Buffer.alloc(0)

/**
 * Tolerant streaming decoder of a Content-Transfer-Encoding (RFC 2045 §6). 7bit, 8bit, binary and unknown
 * encodings pass unchanged. Any chunking gives the same octets.
 */
export const createTransferDecoder = (encoding: string): OctetDecoder => {
  const name = encoding.toLowerCase()
  if (name === 'base64') return createBase64Decoder()
  if (name === 'quoted-printable') return createQuotedPrintableDecoder()
  return { push: (chunk) => chunk, finish: () => nothing }
}

/** All at once. */
export const decodeTransfer = (bytes: Uint8Array, encoding: string): Uint8Array => {
  const name = encoding.toLowerCase()
  if (name === 'base64') return decodeBase64(bytes)
  return name === 'quoted-printable' ? decodeQuotedPrintable(bytes) : bytes
}

/** Whether `createTransferDecoder` decodes it or it needs no decoding. RFC 3516 §4.3 UNKNOWN-CTE. */
export const knowsTransferEncoding = (encoding: string): boolean =>
  ['7bit', '8bit', 'binary', 'base64', 'quoted-printable', ''].includes(encoding.toLowerCase())
