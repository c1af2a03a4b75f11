import type { ImapSession } from './imap-session.ts'

/** Who does not hold its octets back has sent them by then. */
const patienceMs = 1

/**
 * Clients that write a literal and the end of its command apart (imaplib, c-client) have the second held back by
 * their TCP until the first is acknowledged (RFC 1122 §4.2.3.4), and ours delays that by 40 ms (§4.2.3.2) unless there
 * is something to say. So we say something: RFC 9051 §7.1.1 allows an untagged OK at any time.
 */
export function promptRest(session: ImapSession): void {
  if (!session.framer.betweenWrites || session.gone) return
  const { receivedBytes } = session.connection
  setTimeout(() => {
    if (session.gone || session.busy || session.connection.receivedBytes !== receivedBytes) return
    session.connection.write('* OK Still here\r\n')
  }, patienceMs)
}
