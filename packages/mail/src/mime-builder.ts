import { readContentFields } from './content-fields.ts'
import { parseDate } from './date.ts'
import { type ReadHeader, readEnvelope, readMessageHeader, readPartHeader } from './message-header.ts'
import type { OctetString } from './octets.ts'
import { OpenPart, opaqueContent, plainText } from './scanner-part.ts'
import type { Parameter } from './structure.ts'
import type { MessageSummary, OctetKinds } from './summary.ts'

/** Limits of Postfix and Dovecot: what is beyond them is opaque. */
export const maxMimeDepth = 100
export const maxParts = 10_000
export const maxBoundaryBytes = 2048
/** A delimiter line with its hyphens and some trailing blanks. */
export const maxCandidateBytes = maxBoundaryBytes + 128
/** Octets read of one header, and of all headers of a message together. */
export const maxHeaderBytes = 262_144
const maxAllHeadersBytes = 4_194_304
const maxKeptBytes = 65_536

/** The tree of parts as it grows. Offsets and line counts come from the scanner. */
export class MimeBuilder {
  readonly #root = new OpenPart(undefined, 0)
  #current = this.#root
  #partCount = 1
  /** Open multiparts by boundary, the innermost of those with the same one. */
  readonly #boundaries = new Map<OctetString, OpenPart>()
  #header = ''
  #allHeadersBytes = 0
  #overflow = false
  #rootOverflow = false
  #rootHeader: ReadHeader | undefined
  #utf8Header = false
  /** Whether the scanner is inside a header. */
  inHeader = true

  get hasBoundaries(): boolean {
    return this.#boundaries.size > 0
  }

  /** First octet of the message's body, undefined while in its header. */
  get rootBodyStart(): number | undefined {
    return this.#rootHeader === undefined ? undefined : this.#root.bodyStart
  }

  /** Octets of this header that are still read. */
  get headerRoomBytes(): number {
    return Math.min(maxHeaderBytes - this.#header.length, maxAllHeadersBytes - this.#allHeadersBytes)
  }

  /** Whole lines of the current header. What does not fit is passed over, but counts as header. */
  addHeader(lines: OctetString): void {
    if (lines.length > this.headerRoomBytes) this.#overflow = true
    else {
      this.#header += lines
      this.#allHeadersBytes += lines.length
    }
  }

  skipHeaderLine(): void {
    if (this.inHeader) this.#overflow = true
  }

  /** The empty line, or a delimiter or the end of the message instead of it. */
  endHeader(bodyStart: number, lines: number): void {
    const part = this.#current
    const text = this.#header
    this.#header = ''
    this.inHeader = false
    part.bodyStart = Math.max(part.headerStart, bodyStart)
    part.startLine = lines
    this.#utf8Header ||= /[\x80-\xff]/.test(text)
    if (part.parent === undefined || part.parent.kind === 'message') this.#readMessage(part, text)
    else part.content = readContentFields(readPartHeader(text), part.parent.content.subtype)
    this.#overflow = false
    this.#enterBody(part)
  }

  #readMessage(part: OpenPart, text: OctetString): void {
    const header = readMessageHeader(text)
    part.content = readContentFields(header.fields, '')
    if (part.parent !== undefined) {
      part.parent.envelope = readEnvelope(header.fields)
      return
    }
    this.#rootHeader = header
    this.#rootOverflow = this.#overflow
  }

  #enterBody(part: OpenPart): void {
    const { type, subtype } = part.content
    if (type === 'multipart') this.#openMultipart(part)
    else if (type === 'message' && (subtype === 'rfc822' || subtype === 'global')) {
      if (part.depth >= maxMimeDepth || this.#partCount >= maxParts)
        part.content = opaqueContent(part.content)
      else {
        part.kind = 'message'
        this.#openChild(part, part.bodyStart)
      }
    } else if (type === 'text') part.kind = 'text'
  }

  /** RFC 2046 §5.1.1. Without a boundary it is text/plain (RFC 2045 §5.2), too deep it is opaque. */
  #openMultipart(part: OpenPart): void {
    const boundary = parameterOf(part.content.parameters, 'boundary')?.replace(/[ \t]+$/, '')
    if (boundary === undefined || boundary === '' || boundary.length > maxBoundaryBytes) {
      part.content = { ...part.content, ...textPlain }
      part.kind = 'text'
    } else if (part.depth >= maxMimeDepth || this.#partCount >= maxParts) {
      part.content = opaqueContent(part.content)
    } else {
      part.kind = 'multipart'
      part.boundary = boundary
      part.hidden = this.#boundaries.get(boundary)
      this.#boundaries.set(boundary, part)
    }
  }

  #openChild(parent: OpenPart, headerStart: number): void {
    const child = new OpenPart(parent, headerStart)
    parent.children.push(child)
    this.#partCount++
    this.#current = child
    this.inHeader = true
  }

  /**
   * A line that begins with two hyphens, without its line end. True when it was a delimiter of an open
   * multipart. `lineEndBytes` is the length of the line end before it, which belongs to the delimiter. One that
   * the message breaks off at opens no part: its line end is missing (RFC 2046 §5.1.1 encapsulation).
   */
  delimiter(
    line: OctetString,
    start: number,
    end: number,
    lineEndBytes: number,
    lines: number,
    brokenOff: boolean,
  ): boolean {
    const text = line.slice(2).replace(/[ \t]+$/, '')
    const open = this.#boundaries.get(text)
    const closed =
      open === undefined && text.endsWith('--') ? this.#boundaries.get(text.slice(0, -2)) : undefined
    const multipart = open ?? closed
    if (multipart === undefined) return false
    // The last part allowed takes the rest.
    if (open !== undefined && this.#partCount >= maxParts) return false
    if (this.inHeader) this.#abandonHeader(start - lineEndBytes, lines)
    this.#closeBelow(multipart, start - lineEndBytes, lines, lineEndBytes)
    this.#current = multipart
    if (open !== undefined && !brokenOff) this.#openChild(multipart, end)
    else this.#closeBoundary(multipart)
    return true
  }

  /** RFC 2046 §5.1: a part whose header no empty line ends. */
  #abandonHeader(position: number, lines: number): void {
    while (this.inHeader) this.endHeader(position, lines)
  }

  #closeBelow(ancestor: OpenPart | undefined, end: number, lines: number, lineEndBytes: number): void {
    for (let part = this.#current; part !== ancestor; part = part.parent as OpenPart) {
      this.#closePart(part, end, lines, lineEndBytes)
      if (part.parent === undefined) break
    }
  }

  #closePart(part: OpenPart, end: number, lines: number, lineEndBytes: number): void {
    part.bodyEnd = Math.max(part.bodyStart, end)
    const stripped = lineEndBytes > 0 && part.bodyEnd === end ? 1 : 0
    part.lines = Math.max(0, lines - part.startLine - stripped)
    if (part.kind !== 'multipart') return
    this.#closeBoundary(part)
    if (part.children.length === 0) this.#addEmptyChild(part)
  }

  #closeBoundary(part: OpenPart): void {
    if (part.boundary === undefined) return
    if (part.hidden === undefined) this.#boundaries.delete(part.boundary)
    else this.#boundaries.set(part.boundary, part.hidden)
    part.boundary = undefined
    part.hidden = undefined
  }

  /** A multipart has parts (RFC 9051 §9 body-type-mpart), even one that has none. */
  #addEmptyChild(part: OpenPart): void {
    const child = new OpenPart(part, part.bodyEnd)
    child.content = plainText
    child.kind = 'text'
    child.bodyStart = part.bodyEnd
    child.bodyEnd = part.bodyEnd
    part.children.push(child)
  }

  finish(sizeBytes: number, lines: number, kinds: Omit<OctetKinds, 'utf8Header'>): MessageSummary {
    this.#abandonHeader(sizeBytes, lines)
    this.#closeBelow(undefined, sizeBytes, lines, 0)
    const { fields, kept, receivedCount } = this.#rootHeader as ReadHeader
    const envelope = readEnvelope(fields)
    const date = envelope.date === undefined ? undefined : parseDate(envelope.date)
    const fieldsComplete = !this.#rootOverflow && kept.length <= maxKeptBytes
    return {
      sizeBytes,
      headerBytes: this.#root.bodyStart,
      bodyLines: this.#root.lines,
      sentMs: date?.ms,
      sentDay: date?.day,
      receivedCount,
      fields: fieldsComplete ? kept : '',
      fieldsComplete,
      octetKinds: { utf8Header: this.#utf8Header, ...kinds },
      envelope,
      structure: this.#root.toPart(),
    }
  }
}

const textPlain = { type: 'text', subtype: 'plain' }

const parameterOf = (parameters: readonly Parameter[], name: string): OctetString | undefined =>
  parameters.find(([key]) => key === name)?.[1]
