import { decodeStructure, type OctetRanges } from '@posthorn/mail'
import { MessageTexts } from '../search/message-texts.ts'
import type { TextOctets } from './text-octets.ts'

/** Where a message's texts are written as they are searched: decoded, case folded, UTF-8. */
export interface FoldedTexts {
  /** Trace prefix and header, each line after a line end. */
  readonly heads: TextOctets
  /** MIME headers of the parts, then bodies. */
  readonly bodies: TextOctets
}

/** What is kept of one message; longer ones are searched in the message itself. */
export const maxTextLength = 2 * 1024 * 1024
const maxHeaderBytes = 128 * 1024

/** Octets of MIME headers; undefined, and nothing written, when it is too long. RFC 9051 §6.4.4 TEXT, BODY, HEADER; RFC 5051. */
export const foldMessage = (
  prefix: Uint8Array,
  message: OctetRanges,
  summary: Uint8Array,
  { heads, bodies }: FoldedTexts,
): { readonly partBytes: number } | undefined => {
  const decoded = decodeStructure(summary)
  if (decoded.headerBytes + prefix.length > maxHeaderBytes) return undefined
  const texts = new MessageTexts(prefix, message, decoded).all(maxTextLength)
  if (texts === undefined) return undefined
  const own = (prefix.length > 0 ? 1 : 0) + (decoded.headerBytes > 0 ? 1 : 0)
  for (let at = 0; at < own; at++) heads.write(`\n${texts[at]?.text}`)
  const start = bodies.length
  const write = (wanted: 'header' | 'body'): void => {
    for (let at = own; at < texts.length; at++) {
      const { place, text } = texts[at] as (typeof texts)[number]
      if (place === wanted) bodies.write(text)
    }
  }
  write('header')
  const partBytes = bodies.length - start
  write('body')
  return { partBytes }
}
