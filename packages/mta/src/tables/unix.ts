import { readFileSync, statSync } from 'node:fs'
import { type LookupTable, TableError, type TableType } from './table.ts'

const files: Readonly<Record<string, string>> = {
  'passwd.byname': '/etc/passwd',
  'group.byname': '/etc/group',
}
const lookAgainMs = 1_000

/** `unix:passwd.byname`, `unix:group.byname`: a name of the system → its whole line. DATABASE_README. */
export const unix: TableType = (argument, spec, { now, log }): LookupTable => {
  const path = files[argument]
  if (path === undefined) throw new TableError(spec, 'expected unix:passwd.byname or unix:group.byname')
  let lines: ReadonlyMap<string, string> = new Map()
  let stamp = ''
  let nextLookMs = Number.NEGATIVE_INFINITY

  function look(): void {
    nextLookMs = now() + lookAgainMs
    try {
      const { mtimeMs, size } = statSync(path as string)
      if (stamp === `${mtimeMs} ${size}`) return
      lines = linesByName(readFileSync(path as string, 'utf8'))
      stamp = `${mtimeMs} ${size}`
    } catch (error) {
      log({ level: 'warning', service: 'tables', text: `${spec}: ${(error as Error).message}` })
    }
  }

  const current = (): ReadonlyMap<string, string> => {
    const leftMs = nextLookMs - now()
    // More is left when the clock was set back.
    if (leftMs <= 0 || leftMs > lookAgainMs) look()
    return lines
  }
  return {
    name: spec,
    match: 'fixed',
    lookup: (key) => current().get(key.toLowerCase()),
    entries: () => current(),
    refresh: async () => look(),
  }
}

/** The first line of a name counts. */
function linesByName(text: string): ReadonlyMap<string, string> {
  const lines = new Map<string, string>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon)).toLowerCase()
    if (name !== '' && !lines.has(name)) lines.set(name, line)
  }
  return lines
}
