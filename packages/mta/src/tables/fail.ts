import { type LookupTable, TableError, type TableType } from './table.ts'

/** `fail:name`: every lookup is an error, so that whoever asks is told to come again. DATABASE_README. */
export const fail: TableType = (_argument, spec): LookupTable => ({
  name: spec,
  match: 'fixed',
  lookup: () => {
    throw new TableError(spec, 'lookup error')
  },
  refresh: async () => {},
})
