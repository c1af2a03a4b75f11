export { closest } from './closest.ts'
export { asciiName, createDomainList, type DomainList } from './domain-list.ts'
export { splitMapEntry } from './hash.ts'
export { insideBraces, splitListText } from './list-text.ts'
export { type LogicalLine, logicalLines } from './logical-lines.ts'
export {
  type IpAddress,
  type Network,
  networkAround,
  networkContains,
  parseAddress,
  parseNetwork,
} from './network.ts'
export { createTables, lookupFirst, openTable, type Tables, tableTypes } from './open-table.ts'
export { lookupAccessAddress, lookupDomain, lookupIpAddress, lookupMapping } from './partial-keys.ts'
export { type LongFiles, type LookupTable, type TableContext, TableError } from './table.ts'
export { TableContents, TableUnread } from './table-contents.ts'
export { answered, LookupFailed, LookupWaits, Together } from './waiting-lookup.ts'
