import { crc32 } from 'node:zlib'
import { keptFieldNames } from '@posthorn/mail'
import type { ListingMaker } from '@posthorn/storage'

/** Column 0 begins with the end of the ENVELOPE, counted from where it begins; a blank is behind it. */
export const envelopeAt = 4

/** Column 1: count, then for each field its number and length, then the fields in their order. */
export const fieldEntryBytes = 3
export const maxFields = 255

export const fieldNumbers: ReadonlyMap<string, number> = new Map(
  [...keptFieldNames].map((name, number) => [name, number]),
)

/** Another one when what is written, or how, has changed. */
const formatVersion = 1

/** For the store: `StoreOptions.listing`. */
export const listingMaker: ListingMaker = {
  module: new URL('./make-listing.ts', import.meta.url),
  version: crc32(`${formatVersion} ${[...keptFieldNames].join()}`) || 1,
}
