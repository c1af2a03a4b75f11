import type { Authenticator, Logins } from '@posthorn/accounts'
import type { Log } from '@posthorn/mail'
import type { Connection } from '@posthorn/net'
import type { Store, TallyStore } from '@posthorn/storage'
import { CommandTable } from './commands/command-table.ts'
import { commands } from './commands/commands.ts'
import { KeptRows } from './commands/kept-rows.ts'
import { RenderedCache } from './commands/rendered-cache.ts'
import { KeyTables } from './order/key-tables.ts'
import { CapabilityLines } from './session/capability-lines.ts'
import { serverStops } from './session/farewell.ts'
import { ImapSession } from './session/imap-session.ts'
import { MailboxWatch } from './session/mailbox-watch.ts'
import { defaultImapOptions, type ImapOptions } from './session/options.ts'
import { Seats } from './session/seats.ts'

export interface ImapParts {
  readonly store: Store
  readonly accounts: Authenticator
  /** Who has logged in, to be ended with the account's rights. */
  readonly logins: Logins
  readonly log: Log
  /** Asked at each use, so that a reload of the configuration acts at once and drops nobody. */
  readonly options: () => Partial<ImapOptions>
  /** Present where several processes serve: limits by user and address count in all of them. */
  readonly tallies?: Pick<TallyStore, 'set'> | undefined
  /** ms since 1970. */
  readonly now?: () => number
}

export interface ImapService {
  /** Serves one connection to its end. */
  accept(connection: Connection): void
  /**
   * Says `* BYE Server shutting down.` to all: idle sessions at once, busy ones when their command is done.
   * Resolves when all are gone, or broken after `graceMs`.
   */
  close(graceMs: number): Promise<void>
  readonly sessions: number
}

/** IMAP4rev1 and IMAP4rev2 on connections that somebody else accepts. RFC 3501, RFC 9051. */
export function createImapService(parts: ImapParts): ImapService {
  const sessions = new Set<ImapSession>()
  let emptied: (() => void) | undefined
  let closing = false
  const table = new CommandTable(commands)
  const services = {
    store: parts.store,
    accounts: parts.accounts,
    logins: parts.logins,
    log: parts.log,
    commands: table,
    capabilityLines: new CapabilityLines(table),
    seats: new Seats(parts.tallies),
    keyTables: new KeyTables(),
    rendered: new RenderedCache(),
    keptRows: new KeptRows(),
    watch: new MailboxWatch(parts.store),
    options: currentOptions(parts.options),
    now: parts.now ?? Date.now,
  }
  const onClosed = (session: ImapSession): void => {
    sessions.delete(session)
    if (sessions.size === 0) emptied?.()
  }
  return {
    accept(connection) {
      const session = new ImapSession(services, connection, onClosed)
      sessions.add(session)
      session.start()
      // From a TLS handshake that was under way.
      if (closing) session.sayFarewell(serverStops)
    },
    async close(graceMs) {
      closing = true
      services.watch.close()
      if (sessions.size === 0) return
      const { promise, resolve } = Promise.withResolvers<void>()
      emptied = resolve
      for (const session of sessions) session.sayFarewell(serverStops)
      const timer = setTimeout(() => {
        for (const session of sessions) session.connection.destroy('shutdown')
      }, graceMs)
      await promise
      clearTimeout(timer)
    },
    get sessions() {
      return sessions.size
    },
  }
}

/** Completes the options, once for each object given. */
function currentOptions(given: () => Partial<ImapOptions>): () => ImapOptions {
  let last: Partial<ImapOptions> | undefined
  let complete = defaultImapOptions
  return () => {
    const now = given()
    if (now !== last) {
      last = now
      complete = { ...defaultImapOptions, ...now }
    }
    return complete
  }
}
