import type { Authenticator, Logins } from '@posthorn/accounts'
import type { Log } from '@posthorn/mail'
import type { Store } from '@posthorn/storage'
import type { CommandTable } from '../commands/command-table.ts'
import type { KeptRows } from '../commands/kept-rows.ts'
import type { RenderedCache } from '../commands/rendered-cache.ts'
import type { KeyTables } from '../order/key-tables.ts'
import type { CapabilityLines } from './capability-lines.ts'
import type { MailboxWatch } from './mailbox-watch.ts'
import type { ImapOptions } from './options.ts'
import type { Seats } from './seats.ts'

/** What all sessions of one server share. */
export interface Services {
  readonly store: Store
  readonly accounts: Authenticator
  readonly logins: Logins
  readonly log: Log
  readonly commands: CommandTable
  readonly capabilityLines: CapabilityLines
  readonly seats: Seats
  /** For SORT and THREAD. */
  readonly keyTables: KeyTables
  readonly rendered: RenderedCache
  readonly keptRows: KeptRows
  readonly watch: MailboxWatch
  /** Asked at each use, so that a reload acts at once. */
  readonly options: () => ImapOptions
  /** ms since 1970. */
  readonly now: () => number
}
