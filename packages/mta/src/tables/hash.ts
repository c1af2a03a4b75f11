import { parseAliasSource } from './alias-source.ts'
import { linesPerSlice, logicalLines } from './logical-lines.ts'
import type { LookupTable, TableType } from './table.ts'
import { openTableFile, type Parse } from './table-file.ts'

/**
 * hash:, and with the same text source lmdb:, btree:, dbm:, cdb: and texthash:. Postfix builds an index
 * with postmap; here the source itself is read, so running postmap is never needed. Keys ignore case.
 */
export const hash: TableType = (path, spec, context): LookupTable => {
  const parse = context.format === 'aliases' ? parseAliasSource(spec) : parseMapSource
  const file = openTableFile(path, spec, context, parse)
  return {
    name: spec,
    match: 'fixed',
    lookup: (key) => file.current().get(key.toLowerCase()),
    entries: () => file.current(),
    refresh: file.refresh,
  }
}

/** `key value`, as postmap(1) reads it: the first of equal keys counts. */
const parseMapSource: Parse<ReadonlyMap<string, string>> = function* (text, warn) {
  const map = new Map<string, string>()
  let count = 0
  for (const line of logicalLines(text)) {
    if (++count % linesPerSlice === 0) yield
    const entry = splitEntry(line.text)
    if (entry === undefined) {
      warn(
        line.number,
        `expected format: key whitespace value (found ${JSON.stringify(line.text.slice(0, 80))})`,
      )
      continue
    }
    const key = entry.key.toLowerCase()
    if (map.has(key)) warn(line.number, `duplicate entry: ${JSON.stringify(key)}`)
    else map.set(key, entry.value)
  }
  return map
}

/** postmap(1): a key with blanks stands in double quotes. */
function splitEntry(text: string): { readonly key: string; readonly value: string } | undefined {
  const line = text.trimStart()
  if (line.startsWith('"')) {
    let key = ''
    for (let i = 1; i < line.length; i++) {
      if (line[i] === '\\' && i + 1 < line.length) key += line[++i]
      else if (line[i] === '"') {
        const value = line.slice(i + 1).trim()
        return value === '' || key === '' ? undefined : { key, value }
      } else key += line[i]
    }
    return undefined
  }
  const blank = line.search(/[ \t]/)
  if (blank === -1) return undefined
  return { key: line.slice(0, blank), value: line.slice(blank).trim() }
}
