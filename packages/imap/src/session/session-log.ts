/** Lines of a session in Dovecot's words: what administrators grep for, and fail2ban reads. */
import type { CloseReason } from '@posthorn/net'
import type { Account } from '@posthorn/storage'
import type { Channel } from './channel.ts'
import type { Services } from './services.ts'

export interface LoggedSession {
  readonly services: Services
  readonly connection: Channel
  readonly id: string
  readonly account: Account | undefined
  readonly trusted: boolean
  /** ms since 1970. */
  readonly startedMs: number
  /** The last login that failed, and how many did. */
  readonly failedLogins:
    | { readonly count: number; readonly user: string; readonly mechanism: string }
    | undefined
}

/** `imap-login: Login: user=<alice@example.org>, method=PLAIN, rip=…, lip=…, TLS, session=<…>` */
export function logLogin(session: LoggedSession, what: string, user: string, mechanism: string): void {
  const { connection, id } = session
  const { remoteAddress: rip, localAddress: lip, secure } = connection
  const how = mechanism === '' ? '' : ` method=${mechanism},`
  const channel = secure !== undefined ? ' TLS,' : session.trusted ? ' secured,' : ''
  session.services.log({
    level: 'info',
    service: 'imap-login',
    text: `${what}: user=<${user}>,${how} rip=${rip}, lip=${lip},${channel} session=<${id}>`,
    fields: { user, method: mechanism, rip, lip, session: id, tls: secure?.protocol },
  })
}

/**
 * `imap(alice@example.org)<…>: Disconnected: Logged out in=9 out=482`; before login `imap-login:
 * Disconnected: Connection closed (auth failed, 2 attempts in 8 secs): user=<…>, method=PLAIN, rip=…`
 * @param ending why we ended it, if we did
 */
export function logEnd(
  session: LoggedSession,
  ending: string | undefined,
  reason: CloseReason,
  error: Error | undefined,
): void {
  const detail = error === undefined || ending !== undefined ? '' : `: ${error.message}`
  const why = `${ending ?? endings[reason] ?? 'Connection closed'}${detail}`
  if (session.account === undefined) {
    logStranger(session, why)
    return
  }
  const { receivedBytes, sentBytes } = session.connection
  session.services.log({
    level: 'info',
    service: serviceOf(session),
    text: `Disconnected: ${why} ${logoutText(session.services.options().logoutFormat, receivedBytes, sentBytes)}`,
    fields: { session: session.id, in: receivedBytes, out: sentBytes },
  })
}

/** `%i` and `%o`, also as `%{input}` and `%{output}`. Dovecot: imap_logout_format. */
function logoutText(format: string, input: number, output: number): string {
  return format.replace(/%(?:\{(\w+)\}|(.))/g, (mark, long?: string, short?: string) => {
    if (short === 'i' || long === 'input') return String(input)
    if (short === 'o' || long === 'output') return String(output)
    return short === '%' ? '%' : mark
  })
}

function logStranger(session: LoggedSession, why: string): void {
  const seconds = Math.max(0, Math.round((session.services.now() - session.startedMs) / 1000))
  const { count, user, mechanism } = session.failedLogins ?? { count: 0, user: '', mechanism: '' }
  const tries = count === 0 ? 'no auth attempts' : `auth failed, ${count} attempts`
  const how = why === 'Logged out' ? 'Aborted login by logging out' : why
  logLogin(session, `Disconnected: ${how} (${tries} in ${seconds} secs)`, user, mechanism)
}

/** A fault of ours. @param what `FETCH failed`, without the command's arguments */
export function logFault(session: LoggedSession, what: string, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  session.services.log({
    level: 'error',
    service: serviceOf(session),
    text: `Error: ${what}: ${message}`,
    fields: { session: session.id },
    error,
  })
}

function serviceOf({ account, id }: LoggedSession): string {
  return account === undefined ? 'imap-login' : `imap(${account.address})<${id}>`
}

const endings: Partial<Record<CloseReason, string>> = {
  timeout: 'Disconnected for inactivity',
  stalled: 'Connection closed: output was not read',
  'tls-failed': 'TLS handshake failed',
  'crowded-out': 'Too many connections',
  shutdown: 'Server shutting down.',
  fault: 'Internal error',
}
