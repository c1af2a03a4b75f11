import type { LogEvent } from '@posthorn/mail'
import type { CloseReason, Connection } from '@posthorn/net'
import type { Transaction } from './session.ts'

/** Where and how, as Dovecot's login lines end: `rip=…, lip=…, TLS, session=<…>`. */
export function peerFields(connection: Connection, sessionId: string, secured: boolean): string {
  const security = connection.secure !== undefined ? ', TLS' : secured ? ', secured' : ''
  return `rip=${connection.remoteAddress}, lip=${connection.localAddress}${security}, session=<${sessionId}>`
}

/** `Login: user=<…>, method=PLAIN, rip=…` */
export function loginEvent(user: string, method: string, peer: string): LogEvent {
  return {
    level: 'info',
    service: 'pop3-login',
    text: `Login: user=<${user}>, method=${method}, ${peer.replace(', session=', `, mpid=${process.pid}, session=`)}`,
    fields: { user, method },
  }
}

/** The last line of a session that never logged in. */
export function abortedEvent(facts: {
  readonly reason: string
  readonly attempts: number
  readonly seconds: number
  readonly user: string
  readonly method: string
  readonly peer: string
}): LogEvent {
  const tried = facts.attempts === 0 ? 'no auth attempts' : `auth failed, ${facts.attempts} attempts`
  const method = facts.method === '' ? '' : `, method=${facts.method}`
  return {
    level: 'info',
    service: 'pop3-login',
    text: `Disconnected: ${facts.reason} (${tried} in ${facts.seconds} secs): user=<${facts.user}>${method}, ${facts.peer}`,
    fields: { user: facts.user, attempts: facts.attempts },
  }
}

/** `Disconnected: Logged out top=0/0, retr=1/5120, del=0/3, size=15360`. Dovecot: pop3_logout_format. */
export function disconnectedEvent(reason: string, sessionId: string, transaction: Transaction): LogEvent {
  const { account, maildrop, sent } = transaction
  const counts = `top=${sent.topCount}/${sent.topBytes}, retr=${sent.retrCount}/${sent.retrBytes}`
  const drop = `del=${maildrop.deletedCount}/${maildrop.count}, size=${maildrop.totalBytes}`
  return {
    level: 'info',
    service: `pop3(${account.address})<${process.pid}><${sessionId}>`,
    text: `Disconnected: ${reason} ${counts}, ${drop}`,
    fields: { user: account.address, retr: sent.retrCount, del: maildrop.deletedCount },
  }
}

/** Why a connection ended, in the words of the log. */
export function closeWords(reason: CloseReason, error: Error | undefined): string {
  if (reason === 'ended') return 'Connection closed'
  if (reason === 'crowded-out') return 'Too many connections'
  if (reason === 'stalled') return 'Client is not reading'
  if (reason === 'shutdown') return 'Server shutting down.'
  if (reason === 'tls-failed')
    return `Connection closed: TLS handshake failed${error === undefined ? '' : `: ${error.message.trim()}`}`
  return error === undefined ? `Connection closed (${reason})` : `Connection closed: ${error.message.trim()}`
}
