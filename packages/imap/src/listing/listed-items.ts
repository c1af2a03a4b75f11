import type { Listing, ListingColumn } from '@posthorn/storage'
import type { FetchItem, SectionItem } from '../wire/fetch-items.ts'
import type { ResponseWriter } from '../wire/response.ts'
import { envelopeAt, fieldEntryBytes, fieldNumbers } from './listing-format.ts'

const structures: ListingColumn = 0
const fields: ListingColumn = 1

/** Writes an item of a row. */
type WriteListed = (out: ResponseWriter, listing: Listing, row: number) => void

/** An item that listings answer, and where. */
export interface ListedItem {
  readonly column: ListingColumn
  readonly write: WriteListed
}

/** undefined for an item of which listings know nothing. Partial fetches are rare: not made for them. */
export function listedItem(item: FetchItem): ListedItem | undefined {
  switch (item.kind) {
    case 'envelope':
      return { column: structures, write: writeEnvelope }
    case 'body-structure':
      return { column: structures, write: writeBodyStructure }
    case 'section':
      return item.section.what === 'fields' && item.section.path.length === 0 && item.partial === undefined
        ? fieldsItem(item)
        : undefined
    default:
      return undefined
  }
}

/** Both at once, where they are asked for in this order. */
export const envelopeAndStructure: ListedItem = {
  column: structures,
  write(out, { octets, starts, ends }, row) {
    out.span(octets, starts[row]! + envelopeAt, ends[row]!)
  },
}

const writeEnvelope: WriteListed = (out, { octets, starts }, row) => {
  const start = starts[row]!
  out.span(octets, start + envelopeAt, start + envelopeAt + octets.readUInt32LE(start))
}

const writeBodyStructure: WriteListed = (out, { octets, starts, ends }, row) => {
  const start = starts[row]!
  out.span(octets, start + envelopeAt + octets.readUInt32LE(start) + 1, ends[row]!)
}

/** HEADER.FIELDS. RFC 9051 §6.4.5.1. */
function fieldsItem(item: SectionItem): ListedItem | undefined {
  const wanted = new Uint8Array(256)
  for (const name of item.section.names) {
    const number = fieldNumbers.get(name)
    if (number === undefined) return undefined
    wanted[number] = 1
  }
  const label = `${item.label} `
  const spans: number[] = []
  const write: WriteListed = (out, { octets, starts }, row) => {
    const table = starts[row]! + 1
    const tableEnd = table + octets[table - 1]! * fieldEntryBytes
    let count = 0
    let sizeBytes = 0
    let at = tableEnd
    for (let entry = table; entry < tableEnd; entry += fieldEntryBytes) {
      const next = at + octets[entry + 1]! + octets[entry + 2]! * 256
      if (wanted[octets[entry]!] === 1) {
        sizeBytes += next - at
        // Neighbours are copied at once.
        if (count > 0 && spans[count - 1] === at) spans[count - 1] = next
        else {
          spans[count++] = at
          spans[count++] = next
        }
      }
      at = next
    }
    out.text(label).literalStart(sizeBytes + 2)
    for (let index = 0; index < count; index += 2) out.span(octets, spans[index]!, spans[index + 1]!)
    out.crlf()
  }
  return { column: fields, write }
}
