import type { Log } from '@posthorn/mail'
import type { TableContents } from './table-contents.ts'

/** One lookup table, whatever stands behind it. Lookups are synchronous: contents are in memory, or `waits`. */
export interface LookupTable {
  /** As configured: `hash:/etc/posthorn/access`. */
  readonly name: string
  /** Pattern tables are asked once, with the whole key; fixed ones with each partial key too (access(5), virtual(5)). */
  readonly match: 'fixed' | 'pattern'
  /** Answers come over a network: `lookup` throws LookupWaits, and LookupFailed. See `answered`. */
  readonly waits?: true
  /** undefined: not found. Keys are folded to lower case by tables that are not case-sensitive. */
  lookup(key: string): string | undefined
  /**
   * Where the first line of these octets (UTF-8) that `lookup` may know ends or goes on; their length: there is none.
   * Cheaper than `lookup`. What comes before that line need not be looked up.
   */
  suspectAt?(octets: Uint8Array, from: number): number
  /** All there is in a table of fixed keys; others cannot tell. */
  entries?(): Iterable<readonly [key: string, value: string]>
  /** Reads the file again now if it changed (SIGHUP); otherwise that happens on its own within a second. */
  refresh(): Promise<void>
}

export interface TableContext {
  readonly log: Log
  /** ms since 1970. */
  readonly now: () => number
  /** `name: value` of aliases(5), or `key value` of the others. */
  readonly format?: 'map' | 'aliases'
  /** Whether keys of fixed tables are folded to lower case. Default: they are. Postfix: postmap -f. */
  readonly keys?: 'folded' | 'as-given'
  /** Of names without a leading `/`: main.cf's. Default: where the program was started. */
  readonly folder?: string
  /** What `environ:` shows. Default: nothing. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** What was read for an earlier configuration; a file that is the same is not read again. Default: nothing. */
  readonly contents?: TableContents
  /**
   * Asked when a long file is opened that is not in `contents` as it is now. 'throw': TableUnread. Default: it is read at
   * once.
   */
  readonly longFiles?: () => LongFiles
  /** What to do with files that group or others may write. Default: refuse. */
  readonly unsafeFiles?: 'refuse' | 'warn'
}

export type LongFiles = 'read' | 'throw'

/** A table that cannot be opened: unknown type, unreadable or unsafe file, bad line. */
export class TableError extends Error {
  readonly table: string
  readonly line: number | undefined
  constructor(table: string, message: string, line?: number) {
    super(line === undefined ? `${table}: ${message}` : `${table}, line ${line}: ${message}`)
    this.name = 'TableError'
    this.table = table
    this.line = line
  }
}

/** Opens what follows the `type:`. */
export type TableType = (argument: string, spec: string, context: TableContext) => LookupTable
