import { parseAddressEntries } from './address-list.ts'
import { contentFieldNames, type RawFields } from './content-fields.ts'
import type { AddressEntry, EnvelopeFields } from './envelope.ts'
import { FieldCursor } from './field-cursor.ts'
import { unfold } from './header.ts'
import { keptFieldNames } from './kept-fields.ts'
import type { OctetString } from './octets.ts'

/** The fields of a header that a summary is made of. */
export interface ReadHeader {
  readonly fields: RawFields
  readonly kept: OctetString
  readonly receivedCount: number
}

const singleFields = ['date', 'subject', 'in-reply-to', 'message-id'] as const
const addressFields = ['from', 'sender', 'reply-to', 'to', 'cc', 'bcc'] as const
const addressNames: ReadonlySet<string> = new Set(addressFields)
const envelopeNames: ReadonlySet<string> = new Set([...singleFields, ...addressFields])

/** Part headers: the Content-* fields only. */
export const readPartHeader = (text: OctetString): RawFields => {
  const fields = new Map<string, OctetString>()
  const cursor = new FieldCursor(text)
  while (cursor.next()) {
    const first = text.charCodeAt(cursor.start) | 0x20
    if (first !== 0x63) continue
    const name = text.slice(cursor.start, cursor.nameEnd).toLowerCase()
    if (contentFieldNames.has(name) && !fields.has(name)) {
      fields.set(name, text.slice(cursor.valueStart, cursor.end))
    }
  }
  return fields
}

/** Message headers: Content-* and ENVELOPE's fields; address fields that come twice are put together. */
export const readMessageHeader = (text: OctetString): ReadHeader => {
  const fields = new Map<string, OctetString>()
  const cursor = new FieldCursor(text)
  let kept = ''
  let receivedCount = 0
  while (cursor.next()) {
    const name = text.slice(cursor.start, cursor.nameEnd).toLowerCase()
    if (keptFieldNames.has(name)) kept += text.slice(cursor.start, cursor.end)
    if (name === 'received') receivedCount++
    else if (envelopeNames.has(name) || contentFieldNames.has(name)) {
      const value = text.slice(cursor.valueStart, cursor.end)
      const before = fields.get(name)
      if (before === undefined) fields.set(name, value)
      else if (addressNames.has(name)) fields.set(name, `${before},${value}`)
    }
  }
  return { fields, kept, receivedCount }
}

export const readEnvelope = (fields: RawFields): EnvelopeFields => {
  const text = (name: (typeof singleFields)[number]): OctetString | undefined => {
    const value = fields.get(name)
    return value === undefined ? undefined : unfold(value)
  }
  const list = (name: (typeof addressFields)[number]): readonly AddressEntry[] => {
    const value = fields.get(name)
    return value === undefined ? noAddresses : parseAddressEntries(value)
  }
  const sender = list('sender')
  const replyTo = list('reply-to')
  return {
    date: text('date'),
    subject: text('subject'),
    from: list('from'),
    sender: sender.length === 0 ? undefined : sender,
    replyTo: replyTo.length === 0 ? undefined : replyTo,
    to: list('to'),
    cc: list('cc'),
    bcc: list('bcc'),
    inReplyTo: text('in-reply-to'),
    messageId: text('message-id'),
  }
}

const noAddresses: readonly AddressEntry[] = []
