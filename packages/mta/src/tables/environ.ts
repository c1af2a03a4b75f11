import type { LookupTable, TableType } from './table.ts'

/** `environ:`: the environment that the server was started with. DATABASE_README. */
export const environ: TableType = (_argument, spec, { environment = {} }): LookupTable => ({
  name: spec,
  match: 'fixed',
  lookup: (key) => environment[key],
  entries: () =>
    Object.entries(environment).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    ),
  refresh: async () => {},
})
