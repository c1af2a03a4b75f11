import type { SearchedSummary } from './decoded-text.ts'
import type { AddressEntry, EnvelopeFields } from './envelope.ts'
import type { OctetString } from './octets.ts'
import type { Disposition, Parameter, Part } from './structure.ts'
import type { MessageSummary } from './summary.ts'
import { extension, summaryFlag } from './summary-format.ts'
import { SummaryReader } from './summary-reader.ts'

/** Above what the scanner lets through. */
export const maxSummaryDepth = 256

/** Throws RangeError when the octets are no summary of this version. */
export const decodeSummary = (encoded: Uint8Array): MessageSummary => {
  const reader = new SummaryReader()
  reader.open(encoded)
  const { flags, sizeBytes, headerBytes, bodyLines, receivedCount } = reader
  const sent = (flags & summaryFlag.sent) !== 0
  const fields = reader.bytes.toString('latin1', reader.fieldsStart, reader.fieldsEnd)
  reader.toEnvelope()
  const envelope = readEnvelope(reader)
  reader.toStructure()
  return {
    sizeBytes,
    headerBytes,
    bodyLines,
    sentMs: sent ? reader.sentMs : undefined,
    sentDay: sent ? reader.sentDay : undefined,
    receivedCount,
    fields,
    fieldsComplete: (flags & summaryFlag.fieldsComplete) !== 0,
    octetKinds: {
      utf8Header: (flags & summaryFlag.utf8Header) !== 0,
      eightBitBody: (flags & summaryFlag.eightBitBody) !== 0,
      nul: (flags & summaryFlag.nul) !== 0,
      bareLf: (flags & summaryFlag.bareLf) !== 0,
      plainLines: (flags & summaryFlag.plainLines) !== 0,
    },
    envelope,
    structure: readPart(reader, 0, 0),
  }
}

/** Of a summary what a search of the texts needs. Throws as `decodeSummary`. */
export const decodeStructure = (encoded: Uint8Array): SearchedSummary => {
  const reader = new SummaryReader()
  reader.open(encoded)
  const { headerBytes } = reader
  reader.toStructure()
  return { headerBytes, structure: readPart(reader, 0, 0) }
}

const readEnvelope = (reader: SummaryReader): EnvelopeFields => ({
  date: reader.octets(),
  subject: reader.octets(),
  from: readAddresses(reader) ?? [],
  sender: readAddresses(reader),
  replyTo: readAddresses(reader),
  to: readAddresses(reader) ?? [],
  cc: readAddresses(reader) ?? [],
  bcc: readAddresses(reader) ?? [],
  inReplyTo: reader.octets(),
  messageId: reader.octets(),
})

const readAddresses = (reader: SummaryReader): readonly AddressEntry[] | undefined => {
  const count = reader.addresses()
  if (count === 'as-from') return undefined
  const entries: AddressEntry[] = []
  for (let i = 0; i < count; i++) {
    const name = reader.octets()
    const route = reader.hasRoutes ? reader.octets() : undefined
    const entry = { name, mailbox: reader.octets(), host: reader.octets() }
    entries.push(route === undefined ? entry : { ...entry, route })
  }
  return entries
}

const readParameters = (reader: SummaryReader): readonly Parameter[] => {
  const parameters: Parameter[] = []
  for (let count = reader.number(); count > 0; count--) {
    parameters.push([reader.octets() ?? '', reader.octets() ?? ''])
  }
  return parameters
}

const readPart = (reader: SummaryReader, before: number, depth: number): Part => {
  if (depth > maxSummaryDepth) throw new RangeError('Cannot read summary: too deep')
  reader.part()
  const { kind, extensions, lines } = reader
  const headerStart = before + reader.gapBytes
  const bodyStart = headerStart + reader.partHeaderBytes
  const bodyEnd = bodyStart + reader.bodyBytes
  const place = { headerStart, bodyStart, bodyEnd, lines }
  if (kind === 'multipart') {
    const children: Part[] = []
    let end = bodyStart
    for (let count = reader.number(); count > 0; count--) {
      const child = readPart(reader, end, depth + 1)
      children.push(child)
      end = child.bodyEnd
    }
    const subtype = reader.octets() ?? ''
    const parameters = readParameters(reader)
    return {
      kind,
      type: 'multipart',
      subtype,
      parameters,
      ...place,
      children,
      ...readExtensions(reader, extensions),
    }
  }
  const optional = (bit: number): OctetString | undefined =>
    (extensions & bit) === 0 ? undefined : (reader.octets() ?? '')
  const media = {
    type: reader.octets() ?? '',
    subtype: reader.octets() ?? '',
    parameters: readParameters(reader),
  }
  const id = optional(extension.id)
  const description = optional(extension.description)
  const single = {
    ...media,
    ...place,
    ...(id === undefined ? {} : { id }),
    ...(description === undefined ? {} : { description }),
    encoding: reader.octets() ?? '',
  }
  const message = kind === 'message' ? readMessage(reader, bodyStart, depth) : undefined
  const md5 = optional(extension.md5)
  const rest = { ...(md5 === undefined ? {} : { md5 }), ...readExtensions(reader, extensions) }
  return message === undefined
    ? { kind: kind === 'text' ? 'text' : 'other', ...single, ...rest }
    : { kind: 'message', ...single, ...message, ...rest }
}

const readMessage = (
  reader: SummaryReader,
  bodyStart: number,
  depth: number,
): { readonly envelope: EnvelopeFields; readonly content: Part } => {
  reader.number()
  const envelope = readEnvelope(reader)
  return { envelope, content: readPart(reader, bodyStart, depth + 1) }
}

const readExtensions = (
  reader: SummaryReader,
  extensions: number,
): {
  readonly disposition?: Disposition
  readonly languages: readonly OctetString[]
  readonly location?: OctetString
} => {
  const disposition =
    (extensions & extension.disposition) === 0
      ? undefined
      : { type: reader.octets() ?? '', parameters: readParameters(reader) }
  const languages: OctetString[] = []
  if ((extensions & extension.languages) !== 0) {
    for (let count = reader.number(); count > 0; count--) languages.push(reader.octets() ?? '')
  }
  const location = (extensions & extension.location) === 0 ? undefined : (reader.octets() ?? '')
  return {
    languages,
    ...(disposition === undefined ? {} : { disposition }),
    ...(location === undefined ? {} : { location }),
  }
}
