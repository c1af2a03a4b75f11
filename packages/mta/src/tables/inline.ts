import { foldKey } from './fold-key.ts'
import { insideBraces, splitListText } from './list-text.ts'
import { type LookupTable, TableError, type TableType } from './table.ts'

/** `inline:{ key=value, { key = text with blanks } }`. DATABASE_README. */
export const inline: TableType = (argument, spec, context): LookupTable => {
  const body = insideBraces(argument)
  if (body === undefined) throw new TableError(spec, 'expected inline:{ key=value, … }')
  const fold = context.keys === 'as-given' ? (key: string) => key : foldKey
  const map = new Map<string, string>()
  for (const item of splitListText(body)) {
    const text = insideBraces(item) ?? item
    const equals = text.indexOf('=')
    const key = text.slice(0, Math.max(0, equals)).trim()
    if (equals === -1 || key === '')
      throw new TableError(spec, `expected key=value, found ${JSON.stringify(text)}`)
    map.set(fold(key), text.slice(equals + 1).trim())
  }
  if (map.size === 0) throw new TableError(spec, 'empty inline table')
  return {
    name: spec,
    match: 'fixed',
    lookup: (key) => map.get(fold(key)),
    entries: () => map,
    refresh: async () => {},
  }
}
