import type { Authenticator, LoginResult, Logins } from '@posthorn/accounts'
import type { Log } from '@posthorn/mail'
import type { CertifiedClient, Connection } from '@posthorn/net'
import type { Credentials, ServerExchange } from '@posthorn/sasl'
import type { Account, Store } from '@posthorn/storage'
import type { Maildrop } from './maildrop.ts'
import type { MessageReader } from './message-reader.ts'
import type { Pop3Options } from './options.ts'

/** What all sessions of one server share. */
export interface Services {
  readonly store: Store
  readonly accounts: Authenticator
  readonly logins: Logins
  readonly log: Log
  /** Asked at each use, so that a reload acts at once. */
  readonly options: () => Pop3Options
  /** ms since 1970. */
  readonly now: () => number
}

/** RFC 1939 §4: nobody is known yet. */
export interface Authorization {
  readonly state: 'authorization'
  /** Argument of the last USER. */
  user: string | undefined
  /** AUTH is waiting for the client's next message. */
  exchange: ServerExchange | undefined
  /** The exchange has only the server's own proof left to tell: then this account is logged in. */
  granted: Account | undefined
  /** The login is refused with this; the client has to hear why first. */
  refused: string | undefined
  /** RFC 6856 §2.1: UTF8 was said; STLS is not allowed any more. */
  utf8: boolean
}

export const nobodyYet = (): Authorization => ({
  state: 'authorization',
  user: undefined,
  exchange: undefined,
  granted: undefined,
  refused: undefined,
  utf8: false,
})

/** RFC 1939 §5: the maildrop is locked and open. */
export interface Transaction {
  readonly state: 'transaction'
  readonly account: Account
  readonly maildrop: Maildrop
  readonly reader: MessageReader
  /** For the last line of the log. */
  readonly sent: { topCount: number; topBytes: number; retrCount: number; retrBytes: number }
}

/** RFC 1939 §6 and after; nothing more is answered. */
export interface Over {
  readonly state: 'over'
}

export type SessionState = Authorization | Transaction | Over

/** What commands see of a session. */
export interface Pop3Session {
  readonly services: Services
  readonly options: Pop3Options
  readonly connection: Connection
  readonly state: SessionState
  /** Passwords may come in the clear here: TLS, a trusted address, or the option says so. */
  readonly plaintextAllowed: boolean
  /** A certificate that we trust, when it was shown. */
  readonly certificate: CertifiedClient | undefined
  /** Verifies and opens the maildrop; the reply is +OK or -ERR. */
  login(credentials: Credentials): Promise<string>
  /** The first half of `login`: the account, or the reply that refuses. */
  verify(credentials: Credentials): Promise<LoginResult>
  /** The second half. @param mechanism for the log */
  open(account: Account, mechanism: string): Promise<string>
  /** Sends the go-ahead, drops what came in the clear, and begins anew under TLS. */
  startTls(goAhead: string): Promise<void>
  /** Applies deletions and ends. The reply is the last one. */
  update(): Promise<string>
  /** Ends without UPDATE; replies written so far are sent. */
  leave(reason: string): void
}

/** A line to send, or undefined when the command wrote its answer itself. */
export type Reply = string | undefined

export interface Command {
  readonly name: string
  readonly authorization?: (
    session: Pop3Session,
    state: Authorization,
    rest: Buffer,
  ) => Reply | Promise<Reply>
  readonly transaction?: (session: Pop3Session, state: Transaction, rest: Buffer) => Reply | Promise<Reply>
  /** Lines for CAPA, as far as they hold now. RFC 2449 §5. */
  readonly capabilities?: (session: Pop3Session) => readonly string[]
}
