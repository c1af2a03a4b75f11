import type { Authenticator, Logins } from '@posthorn/accounts'
import type { Log } from '@posthorn/mail'
import type { Connection, Refusal } from '@posthorn/net'
import type { Store } from '@posthorn/storage'
import { err } from './errors.ts'
import { defaultPop3Options, type Pop3Options } from './session/options.ts'
import { ClientSession } from './session/pop3-session.ts'
import type { Services } from './session/session.ts'

export interface Pop3Parts {
  readonly store: Store
  readonly accounts: Authenticator
  /** Who has logged in, to be ended with the account's rights. */
  readonly logins: Logins
  readonly log: Log
  /** Asked at each use, so that a reload acts on running sessions; what is left out has its default. */
  readonly options?: () => Partial<Pop3Options>
  /** ms since 1970. */
  readonly now?: () => number
}

export interface Pop3Service {
  /** Speaks POP3 on a connection from its first octet on (TLS done where it is implicit). */
  accept(connection: Connection): void
  readonly sessions: number
  /** Lets commands under way finish, tells clients, and breaks what is left after the grace time. */
  close(graceMs: number): Promise<void>
}

/** For `ListenOptions.refusal`: what a connection hears that is not let in. */
export function pop3Refusal(refusal: Refusal): string {
  return refusal === 'too-many-connections'
    ? err('Too many connections, try again later.', 'SYS/TEMP')
    : err('Too many connections from your address.', 'SYS/TEMP')
}

/** POP3 for whatever listener hands its connections over. RFC 1939. */
export function createPop3Service(parts: Pop3Parts): Pop3Service {
  const sessions = new Set<ClientSession>()
  const options = memoizedOptions(parts.options ?? (() => defaultPop3Options))
  const services: Services = {
    store: parts.store,
    accounts: parts.accounts,
    logins: parts.logins,
    log: parts.log,
    options,
    now: parts.now ?? Date.now,
  }
  let whenEmpty: (() => void) | undefined
  let closing = false
  const closed = (session: ClientSession): void => {
    sessions.delete(session)
    if (sessions.size === 0) whenEmpty?.()
  }
  return {
    accept(connection) {
      const session = new ClientSession(connection, services, closed)
      sessions.add(session)
      // From a TLS handshake that was under way.
      if (closing) session.stop()
    },
    get sessions() {
      return sessions.size
    },
    async close(graceMs) {
      closing = true
      for (const session of sessions) session.stop()
      if (sessions.size === 0) return
      const empty = new Promise<void>((resolve) => {
        whenEmpty = resolve
      })
      const timer = setTimeout(() => {
        for (const session of sessions) session.connection.destroy('shutdown')
      }, graceMs)
      await empty
      clearTimeout(timer)
    },
  }
}

/** Completed once for each object the configuration gives, not once for each command. */
function memoizedOptions(given: () => Partial<Pop3Options>): () => Pop3Options {
  let last: Partial<Pop3Options> = defaultPop3Options
  let complete = defaultPop3Options
  return () => {
    const current = given()
    if (current !== last) {
      last = current
      complete = { ...defaultPop3Options, ...current }
    }
    return complete
  }
}
