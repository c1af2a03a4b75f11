export { HeaderColumns } from './header-columns.ts'
export { searchMailbox } from './search-mailbox.ts'
export type { SearchSource } from './search-source.ts'
