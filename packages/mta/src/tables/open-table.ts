import { cidr } from './cidr.ts'
import { closest } from './closest.ts'
import { pipemap, unionmap } from './combined.ts'
import { environ } from './environ.ts'
import { fail } from './fail.ts'
import { hash } from './hash.ts'
import { inline } from './inline.ts'
import { splitListText } from './list-text.ts'
import { atOnce } from './network-table.ts'
import { pcre } from './pcre.ts'
import { randmap } from './randmap.ts'
import { regexp } from './regexp.ts'
import { sendmailAccess } from './sendmail-access.ts'
import { socketmap } from './socketmap.ts'
import { staticTable } from './static.ts'
import { type LookupTable, type TableContext, TableError, type TableType } from './table.ts'
import { tcp } from './tcp.ts'
import { unix } from './unix.ts'

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
  const wayOut = knownToPostfix[typeName]
  if (wayOut !== undefined)
    throw new TableError(
      spec,
      `table type "${typeName}" is known to Postfix, not available in Posthorn: ${wayOut}`,
    )
  const suggestion = closest(typeName, Object.keys(types))
  const advice =
    suggestion === undefined ? `available: ${tableTypes().join(' ')}` : `did you mean "${suggestion}"?`
  throw new TableError(spec, `unknown table type "${typeName}"; ${advice}`)
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
  environ,
  fail,
  randmap,
  unix,
  sendmail: sendmailAccess,
  socketmap,
  tcp,
  // Postfix asks a table on behalf of others there; here each process reads it itself.
  proxy: (argument, spec, context) => ({ ...openTable(argument, context), name: spec }),
  unionmap: unionmap((spec, context) => openTable(spec, context)),
  pipemap: pipemap((spec, context) => openTable(spec, context)),
}

const exported =
  'write its rows to a text file by a script (`key value` lines) and name that as hash:FILE, which is read again when it changes; or ask it through a program that speaks socketmap:'

/** What to do instead. */
const knownToPostfix: Readonly<Record<string, string>> = {
  ldap: exported,
  memcache: 'the tables here are in memory anyway; name the table behind it',
  mongodb: exported,
  mysql: exported,
  netinfo: exported,
  nis: '`ypcat MAP > FILE` from cron, and hash:FILE',
  nisplus: exported,
  pgsql: exported,
  sdbm: 'name its source text as hash:FILE',
  sqlite: exported,
}

/** Available types, as `postconf -m` lists them. */
export function tableTypes(): readonly string[] {
  return Object.keys(types).toSorted()
}

export interface Tables {
  /** The same specification gives the same table. */
  open(spec: string): LookupTable
  /**
   * A parameter's list of tables: `hash:/a, regexp:/b`. With `atOnceFor` (its name) tables that are asked over a
   * network are refused: nobody can wait where it is used.
   */
  openAll(specs: string | readonly string[], atOnceFor?: string): readonly LookupTable[]
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
    openAll(specs, atOnceFor) {
      const opened = all(specs, 'map')
      return atOnceFor === undefined ? opened : atOnce(opened, atOnceFor)
    },
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
