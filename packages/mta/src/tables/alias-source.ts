import { linesPerSlice, logicalLines } from './logical-lines.ts'
import type { Parse } from './table-file.ts'

/** `name: value, value` of aliases(5); the name may be quoted. Names ignore case. */
export const parseAliasSource = (fold: (name: string) => string): Parse<ReadonlyMap<string, string>> =>
  function* (text, warn) {
    const map = new Map<string, string>()
    let count = 0
    for (const line of logicalLines(text)) {
      if (++count % linesPerSlice === 0) yield
      const entry = splitAlias(line.text)
      const fault = faultOf(line.text, entry)
      if (entry === undefined || fault !== undefined) {
        warn(line.number, `${fault} (found ${JSON.stringify(line.text.slice(0, 80))})`)
        continue
      }
      const name = fold(entry.name)
      if (map.has(name)) warn(line.number, `duplicate entry: ${JSON.stringify(name)}`)
      else map.set(name, entry.value)
    }
    return map
  }

interface Alias {
  readonly name: string
  readonly value: string
  /** A domain in it stands within quotes. */
  readonly local: boolean
}

/** Postfix: postalias(1); such a line is passed over. */
function faultOf(line: string, entry: Alias | undefined): string | undefined {
  if (/^[ \t]/.test(line)) return 'logical line must not start with whitespace'
  if (entry === undefined || entry.name === '' || entry.value === '') return 'need name:value pair'
  return entry.local ? undefined : 'name must be local'
}

function splitAlias(line: string): Alias | undefined {
  let name = ''
  let quoted = false
  let local = true
  for (let i = 0; i < line.length; i++) {
    const char = line[i] as string
    if (quoted && char === '\\' && i + 1 < line.length) name += line[++i]
    else if (char === '"') quoted = !quoted
    else if (char === ':' && !quoted) return { name: name.trim(), value: line.slice(i + 1).trim(), local }
    else {
      if (char === '@' && !quoted) local = false
      name += char
    }
  }
  return undefined
}
