import { randomInt } from 'node:crypto'
import { insideBraces, splitListText } from './list-text.ts'
import { type LookupTable, TableError, type TableType } from './table.ts'

/** `randmap:{a, b, …}`: one of the values for every key, by chance. DATABASE_README. */
export const randmap: TableType = (argument, spec): LookupTable => {
  const body = insideBraces(argument)
  const values = body === undefined ? [] : splitListText(body).map((item) => insideBraces(item) ?? item)
  if (values.length === 0) throw new TableError(spec, 'expected randmap:{value, value …}')
  return {
    name: spec,
    match: 'fixed',
    lookup: () => values[randomInt(values.length)],
    refresh: async () => {},
  }
}
