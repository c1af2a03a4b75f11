export { HeaderColumns } from './header-columns.ts'
export { searchMailbox } from './search-mailbox.ts'
export type { SearchSource, StoredBatch, StoredTexts } from './search-source.ts'
export { SharedReadings } from './shared-reading.ts'
