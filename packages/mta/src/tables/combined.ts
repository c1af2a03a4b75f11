import { insideBraces, splitListText } from './list-text.ts'
import type { OpenTable } from './open-table.ts'
import { type LookupTable, type TableContext, TableError, type TableType } from './table.ts'

function members(
  argument: string,
  spec: string,
  context: TableContext,
  open: OpenTable,
): readonly LookupTable[] {
  const body = insideBraces(argument)
  const specs = body === undefined ? [] : splitListText(body)
  if (specs.length === 0) throw new TableError(spec, 'expected {type:table, type:table …}')
  return specs.map((one) => open(one, context))
}

function combined(spec: string, tables: readonly LookupTable[], lookup: LookupTable['lookup']): LookupTable {
  return {
    name: spec,
    match: tables.some((table) => table.match === 'pattern') ? 'pattern' : 'fixed',
    ...(tables.some((table) => table.waits === true) ? { waits: true } : {}),
    lookup,
    async refresh() {
      for (const table of tables) await table.refresh()
    },
  }
}

/** `unionmap:{a:b, c:d}`: all answers, comma-separated. DATABASE_README. */
export const unionmap =
  (open: OpenTable): TableType =>
  (argument, spec, context) => {
    const tables = members(argument, spec, context, open)
    return combined(spec, tables, (key) => {
      const found = tables.map((table) => table.lookup(key)).filter((value) => value !== undefined)
      return found.length === 0 ? undefined : found.join(',')
    })
  }

/** `pipemap:{a:b, c:d}`: the answer of one table is the key of the next. DATABASE_README. */
export const pipemap =
  (open: OpenTable): TableType =>
  (argument, spec, context) => {
    const tables = members(argument, spec, context, open)
    return combined(spec, tables, (key) =>
      tables.reduce<string | undefined>(
        (value, table) => (value === undefined ? value : table.lookup(value)),
        key,
      ),
    )
  }
