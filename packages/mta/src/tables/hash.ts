import { parseAliasSource } from './alias-source.ts'
import { foldKey } from './fold-key.ts'
import { linesPerSlice, logicalLines } from './logical-lines.ts'
import type { LookupTable, TableContext, TableType } from './table.ts'
import { openTableFile, type Parse } from './table-file.ts'

/**
 * hash:, and with the same text source lmdb:, btree:, dbm:, cdb: and texthash:. Postfix builds an index
 * with postmap; here the source itself is read, so running postmap is never needed. Keys ignore case.
 */
export const hash: TableType = (path, spec, context): LookupTable => {
  const fold = keyFold(context)
  const parse = context.format === 'aliases' ? parseAliasSource(fold) : parseMapSource(fold)
  const file = openTableFile(path, spec, context, parse)
  return {
    name: spec,
    match: 'fixed',
    lookup: (key) => file.current().get(fold(key)),
    entries: () => file.current(),
    refresh: file.refresh,
  }
}

/** Names of aliases are users'. */
function keyFold({ keys, format }: TableContext): (key: string) => string {
  if (keys === 'as-given') return (key) => key
  return format === 'aliases' ? (key) => key.toLowerCase() : foldKey
}

/** `key value`, as postmap(1) reads it: the first of equal keys counts. */
const parseMapSource = (fold: (key: string) => string): Parse<ReadonlyMap<string, string>> =>
  function* (text, warn) {
    const map = new Map<string, string>()
    let count = 0
    for (const line of logicalLines(text)) {
      if (++count % linesPerSlice === 0) yield
      const entry = splitMapEntry(line.text)
      if (/^[ \t]/.test(line.text)) {
        warn(line.number, 'logical line must not start with whitespace')
        continue
      }
      if (entry === undefined) {
        warn(
          line.number,
          `expected format: key whitespace value (found ${JSON.stringify(line.text.slice(0, 80))})`,
        )
        continue
      }
      const key = fold(entry.key)
      if (key.endsWith(':')) warn(line.number, 'record is in "key: value" format; is this an alias file?')
      if (map.has(key)) warn(line.number, `duplicate entry: ${JSON.stringify(key)}`)
      else map.set(key, entry.value)
    }
    return map
  }

/** postmap(1): blanks within double quotes are part of the key, as in `"john smith"@example.com`; so are the quotes. */
export function splitMapEntry(text: string): { readonly key: string; readonly value: string } | undefined {
  const line = text.trimStart()
  let quoted = false
  for (let i = 0; i < line.length; i++) {
    const char = line[i]
    if (char === '\\') i++
    else if (char === '"') quoted = !quoted
    else if (!quoted && (char === ' ' || char === '\t')) {
      return { key: line.slice(0, i), value: line.slice(i).trim() }
    }
  }
  return undefined
}
