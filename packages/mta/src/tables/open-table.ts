import { cidr } from './cidr.ts'
import { closest } from './closest.ts'
import { pipemap, unionmap } from './combined.ts'
import { hash } from './hash.ts'
import { inline } from './inline.ts'
import { splitListText } from './list-text.ts'
import { pcre } from './pcre.ts'
import { regexp } from './regexp.ts'
import { staticTable } from './static.ts'
import { type LookupTable, type TableContext, TableError, type TableType } from './table.ts'

export type OpenTable = (spec: string, context: TableContext) => LookupTable

/**
 * Opens `type:argument`. Throws TableError.
 * Equal specifications in one process should share one table: see `createTables`.
 */
export const openTable: OpenTable = (spec, context) => {
  const colon = spec.indexOf(':')
  const typeName = colon === -1 ? '' : spec.slice(0, colon)
  if (typeName === '' || typeName.includes('/')) {
    throw new TableError(
      spec,
      `expected type:table, for example hash:${spec.startsWith('/') ? spec : `/etc/posthorn/${spec}`}`,
    )
  }
  const type = types[typeName]
  if (type !== undefined) return type(spec.slice(colon + 1), spec, context)
  const known = knownToPostfix.has(typeName)
    ? `table type "${typeName}" is known to Postfix, not available in Posthorn`
    : `unknown table type "${typeName}"`
  const suggestion = closest(typeName, Object.keys(types))
  const advice =
    suggestion === undefined || known.includes('known to Postfix')
      ? `available: ${tableTypes().join(' ')}`
      : `did you mean "${suggestion}"?`
  throw new TableError(spec, `${known}; ${advice}`)
}

const types: Readonly<Record<string, TableType>> = {
  hash,
  lmdb: hash,
  btree: hash,
  dbm: hash,
  cdb: hash,
  texthash: hash,
  regexp,
  pcre,
  cidr,
  inline,
  static: staticTable,
  unionmap: unionmap((spec, context) => openTable(spec, context)),
  pipemap: pipemap((spec, context) => openTable(spec, context)),
}

const knownToPostfix = new Set([
  'environ',
  'fail',
  'ldap',
  'memcache',
  'mongodb',
  'mysql',
  'netinfo',
  'nis',
  'nisplus',
  'pgsql',
  'proxy',
  'randmap',
  'sdbm',
  'socketmap',
  'sqlite',
  'tcp',
  'unix',
])

/** Available types, as `postconf -m` lists them. */
export function tableTypes(): readonly string[] {
  return Object.keys(types).toSorted()
}

export interface Tables {
  /** The same specification gives the same table. */
  open(spec: string): LookupTable
  /** A parameter's list of tables: `hash:/a, regexp:/b`. */
  openAll(specs: string | readonly string[]): readonly LookupTable[]
  openAliases(specs: string | readonly string[]): readonly LookupTable[]
  /** Reads changed files again (SIGHUP). */
  refresh(): Promise<void>
}

/** The tables of one configuration, each opened once. */
export function createTables(context: TableContext): Tables {
  const opened = new Map<string, LookupTable>()
  function open(spec: string, format: 'map' | 'aliases'): LookupTable {
    const key = `${format} ${spec}`
    const found = opened.get(key) ?? openTable(spec, { ...context, format })
    opened.set(key, found)
    return found
  }
  const all = (specs: string | readonly string[], format: 'map' | 'aliases') =>
    (typeof specs === 'string' ? splitListText(specs) : specs).map((spec) => open(spec, format))
  return {
    open: (spec) => open(spec, 'map'),
    openAll: (specs) => all(specs, 'map'),
    openAliases: (specs) => all(specs, 'aliases'),
    async refresh() {
      for (const table of opened.values()) await table.refresh()
    },
  }
}

/** The first answer of several tables in order. */
export function lookupFirst(tables: readonly LookupTable[], key: string): string | undefined {
  for (const table of tables) {
    const found = table.lookup(key)
    if (found !== undefined) return found
  }
  return undefined
}
