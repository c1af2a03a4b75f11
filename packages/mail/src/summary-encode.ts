import type { AddressEntry, EnvelopeFields } from './envelope.ts'
import { OctetWriter } from './octet-writer.ts'
import type { OctetString } from './octets.ts'
import type { Parameter, Part } from './structure.ts'
import type { MessageSummary } from './summary.ts'
import { wordNumbers } from './summary-dictionary.ts'
import { asFrom, extension, partKinds, stringForm, summaryFlag, summaryVersion } from './summary-format.ts'

/** The compact form, laid out as `summary-format.ts` says. */
export const encodeSummary = (summary: MessageSummary): Buffer => {
  const writer = new SummaryWriter(summary.fields, 'without routes')
  const encoded = writer.write(summary)
  return writer.sawRoute ? new SummaryWriter(summary.fields, 'with routes').write(summary) : encoded
}

/** What can stand between quotes as it is: 7-bit, no quote, backslash or control character but TAB. */
const plain = /^[\t\x20\x21\x23-\x5b\x5d-\x7e]*$/
/** A reference to the fields takes three or four octets. */
const minSliceBytes = 5

/** Most summaries are shorter. One is made at a time, and copied out of here. */
const usualRoom = Buffer.allocUnsafeSlow(16 * 1024)

class SummaryWriter {
  readonly #out = new OctetWriter(usualRoom)
  readonly #fields: OctetString
  /** Only the root's strings stand in the kept fields. */
  #inRoot = true
  readonly #routes: 'with routes' | 'without routes'
  sawRoute = false

  constructor(fields: OctetString, routes: 'with routes' | 'without routes') {
    this.#fields = fields
    this.#routes = routes
  }

  write(summary: MessageSummary): Buffer {
    const out = this.#out
    out.byte(summaryVersion)
    out.byte(flagsOf(summary) | (this.#routes === 'with routes' ? summaryFlag.routes : 0))
    out.varint(summary.sizeBytes)
    out.varint(summary.headerBytes)
    out.varint(summary.bodyLines)
    out.varint(summary.receivedCount)
    if (summary.sentMs !== undefined && summary.sentDay !== undefined) {
      out.signed(summary.sentDay)
      out.signed(summary.sentMs / 1000 - summary.sentDay * 86_400)
    }
    out.varint(summary.fields.length)
    out.octets(summary.fields)
    out.measured(() => this.#envelope(summary.envelope))
    this.#part(summary.structure, 0)
    return out.bytes()
  }

  #string(value: OctetString | undefined): void {
    const out = this.#out
    const word = value !== undefined && value.length < 70 ? wordNumbers.get(value) : undefined
    if (value === undefined) out.byte(0)
    else if (word !== undefined) out.varint((word + 1) * 4)
    else if (!plain.test(value)) {
      out.varint(value.length * 4 + stringForm.careful)
      out.octets(value)
    } else this.#plainString(value)
  }

  #plainString(value: OctetString): void {
    const out = this.#out
    const offset = this.#inRoot && value.length >= minSliceBytes ? this.#fields.indexOf(value) : -1
    if (offset >= 0) {
      out.varint(value.length * 4 + stringForm.slice)
      out.varint(offset)
    } else {
      out.varint(value.length * 4 + stringForm.plain)
      out.octets(value)
    }
  }

  #envelope(envelope: EnvelopeFields): void {
    this.#string(envelope.date)
    this.#string(envelope.subject)
    this.#addresses(envelope.from)
    this.#addresses(envelope.sender)
    this.#addresses(envelope.replyTo)
    this.#addresses(envelope.to)
    this.#addresses(envelope.cc)
    this.#addresses(envelope.bcc)
    this.#string(envelope.inReplyTo)
    this.#string(envelope.messageId)
  }

  #addresses(entries: readonly AddressEntry[] | undefined): void {
    if (entries === undefined) this.#out.varint(asFrom)
    else this.#out.varint(entries.length === 0 ? 0 : entries.length + 1)
    for (const entry of entries ?? []) {
      this.#string(entry.name)
      if (this.#routes === 'with routes') this.#string(entry.route)
      else if (entry.route !== undefined) this.sawRoute = true
      this.#string(entry.mailbox)
      this.#string(entry.host)
    }
  }

  #parameters(parameters: readonly Parameter[]): void {
    this.#out.varint(parameters.length)
    for (const [name, value] of parameters) {
      this.#string(name)
      this.#string(value)
    }
  }

  /** `before` is where the part before it ended. Depth is bounded by the scanner. */
  #part(part: Part, before: number): void {
    const out = this.#out
    out.byte(partKinds.indexOf(part.kind) | extensionsOf(part))
    out.varint(part.headerStart - before)
    out.varint(part.bodyStart - part.headerStart)
    out.varint(part.bodyEnd - part.bodyStart)
    out.varint(part.lines)
    if (part.kind === 'multipart') {
      out.varint(part.children.length)
      const inRoot = this.#inRoot
      this.#inRoot = false
      let end = part.bodyStart
      for (const child of part.children) {
        this.#part(child, end)
        end = child.bodyEnd
      }
      this.#inRoot = inRoot
      this.#string(part.subtype)
      this.#parameters(part.parameters)
      this.#extensions(part)
      return
    }
    this.#string(part.type)
    this.#string(part.subtype)
    this.#parameters(part.parameters)
    if (part.id !== undefined) this.#string(part.id)
    if (part.description !== undefined) this.#string(part.description)
    this.#string(part.encoding)
    if (part.kind === 'message') {
      this.#inRoot = false
      out.measured(() => this.#envelope(part.envelope))
      this.#part(part.content, part.bodyStart)
    }
    if (part.md5 !== undefined) this.#string(part.md5)
    this.#extensions(part)
  }

  #extensions(part: Part): void {
    if (part.disposition !== undefined) {
      this.#string(part.disposition.type)
      this.#parameters(part.disposition.parameters)
    }
    if (part.languages.length > 0) {
      this.#out.varint(part.languages.length)
      for (const language of part.languages) this.#string(language)
    }
    if (part.location !== undefined) this.#string(part.location)
  }
}

const flagsOf = (summary: MessageSummary): number => {
  const { utf8Header, eightBitBody, nul, bareLf, plainLines } = summary.octetKinds
  return (
    (summary.fieldsComplete ? summaryFlag.fieldsComplete : 0) |
    (utf8Header ? summaryFlag.utf8Header : 0) |
    (eightBitBody ? summaryFlag.eightBitBody : 0) |
    (nul ? summaryFlag.nul : 0) |
    (bareLf ? summaryFlag.bareLf : 0) |
    (plainLines ? summaryFlag.plainLines : 0) |
    (summary.sentMs === undefined ? 0 : summaryFlag.sent)
  )
}

const extensionsOf = (part: Part): number => {
  let bits = 0
  if (part.disposition !== undefined) bits |= extension.disposition
  if (part.languages.length > 0) bits |= extension.languages
  if (part.location !== undefined) bits |= extension.location
  if (part.kind === 'multipart') return bits
  if (part.id !== undefined) bits |= extension.id
  if (part.description !== undefined) bits |= extension.description
  if (part.md5 !== undefined) bits |= extension.md5
  return bits
}
