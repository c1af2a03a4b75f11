import { insideBraces } from './list-text.ts'
import { type LookupTable, TableError, type TableType } from './table.ts'

/** `static:value` or `static:{ text with blanks }`: the same answer to every key. DATABASE_README. */
export const staticTable: TableType = (argument, spec): LookupTable => {
  const value = insideBraces(argument) ?? argument
  if (value === '') throw new TableError(spec, 'expected static:value')
  return { name: spec, match: 'fixed', lookup: () => value, refresh: async () => {} }
}
