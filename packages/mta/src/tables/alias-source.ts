import { linesPerSlice, logicalLines } from './logical-lines.ts'
import { TableError } from './table.ts'
import type { Parse } from './table-file.ts'

/** `name: value, value` of aliases(5); the name may be quoted. Names ignore case. */
export const parseAliasSource = (
  spec: string,
  fold: (name: string) => string,
): Parse<ReadonlyMap<string, string>> =>
  function* (text, warn) {
    const map = new Map<string, string>()
    let count = 0
    for (const line of logicalLines(text)) {
      if (++count % linesPerSlice === 0) yield
      const entry = splitAlias(line.text)
      if (entry === undefined) {
        warn(line.number, `expected format: name: value (found ${JSON.stringify(line.text.slice(0, 80))})`)
        continue
      }
      if (entry.name === '') throw new TableError(spec, 'alias without a name', line.number)
      const name = fold(entry.name)
      if (map.has(name)) warn(line.number, `duplicate entry: ${JSON.stringify(name)}`)
      else map.set(name, entry.value)
    }
    return map
  }

function splitAlias(line: string): { readonly name: string; readonly value: string } | undefined {
  let name = ''
  let quoted = false
  for (let i = 0; i < line.length; i++) {
    const char = line[i] as string
    if (quoted && char === '\\' && i + 1 < line.length) name += line[++i]
    else if (char === '"') quoted = !quoted
    else if (char === ':' && !quoted) return { name: name.trim(), value: line.slice(i + 1).trim() }
    else name += char
  }
  return undefined
}
