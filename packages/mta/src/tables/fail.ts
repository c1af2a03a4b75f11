import type { LookupTable, TableType } from './table.ts'
import { LookupFailed } from './waiting-lookup.ts'

/** `fail:name`: every lookup is an error, so that whoever asks is told to come again. DATABASE_README. */
export const fail: TableType = (_argument, spec): LookupTable => ({
  name: spec,
  match: 'fixed',
  lookup: () => {
    throw new LookupFailed(spec, 'lookup error')
  },
  refresh: async () => {},
})
