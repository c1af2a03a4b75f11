import { locatePart, type PartPlace } from '@posthorn/mail'
import type { Section } from './section.ts'

/** Octets of a message [start, end), the trace prefix not counted. */
export interface SectionRange {
  readonly start: number
  readonly end: number
  /** The range begins with the message's own header: the trace prefix belongs before it. */
  readonly prefixed: boolean
}

/** Of a message, as its summary says. */
export interface MessageShape {
  readonly sizeBytes: number
  readonly headerBytes: number
  /** Asked for only when a part is named. */
  places(): PartPlace
}

/** Where a section's octets are; for HEADER.FIELDS the header to select from. undefined: no such part. */
export function sectionRange(section: Section, shape: MessageShape): SectionRange | undefined {
  const { path, what } = section
  if (path.length > 0) return nestedRange(section, shape.places())
  switch (what) {
    case 'all':
      return { start: 0, end: shape.sizeBytes, prefixed: true }
    case 'text':
      return { start: shape.headerBytes, end: shape.sizeBytes, prefixed: false }
    default:
      return { start: 0, end: shape.headerBytes, prefixed: true }
  }
}

function nestedRange({ path, what }: Section, root: PartPlace): SectionRange | undefined {
  const part = locatePart(root, path)
  if (part === undefined) return undefined
  const prefixed = false
  if (what === 'all') return { start: part.bodyStart, end: part.bodyEnd, prefixed }
  // The MIME header of a message that is not multipart is the message's header.
  if (what === 'mime') return { start: part.headerStart, end: part.bodyStart, prefixed: part === root }
  if (part.kind !== 'message') return undefined
  const { content } = part
  if (what === 'text') return { start: content.bodyStart, end: part.bodyEnd, prefixed }
  return { start: content.headerStart, end: content.bodyStart, prefixed }
}
