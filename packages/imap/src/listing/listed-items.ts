import type { ListingColumn } from '@posthorn/storage'
import type { FetchItem, SectionItem } from '../wire/fetch-items.ts'
import { ListedFields } from './listed-fields.ts'
import { fieldNumbers } from './listing-format.ts'

const structures: ListingColumn = 0
const fields: ListingColumn = 1

/** An item that listings answer, and where. `both`: ENVELOPE and BODYSTRUCTURE, where they are asked for in this order. */
export type ListedItem =
  | { readonly part: 'both' | 'envelope' | 'structure'; readonly column: ListingColumn }
  | { readonly part: ListedFields; readonly column: ListingColumn; readonly label: string }

/** undefined for an item of which listings know nothing. Partial fetches are rare: not made for them. */
export function listedItem(item: FetchItem): ListedItem | undefined {
  switch (item.kind) {
    case 'envelope':
      return { part: 'envelope', column: structures }
    case 'body-structure':
      return { part: 'structure', column: structures }
    case 'section':
      return item.section.what === 'fields' && item.section.path.length === 0 && item.partial === undefined
        ? fieldsItem(item)
        : undefined
    default:
      return undefined
  }
}

export const envelopeAndStructure: ListedItem = { part: 'both', column: structures }

/** HEADER.FIELDS. RFC 9051 §6.4.5.1. */
function fieldsItem(item: SectionItem): ListedItem | undefined {
  const wanted: number[] = []
  for (const name of item.section.names) {
    const number = fieldNumbers.get(name)
    if (number === undefined) return undefined
    wanted.push(number)
  }
  return { part: new ListedFields(wanted), column: fields, label: item.label }
}
