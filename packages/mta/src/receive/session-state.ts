import { type ClientName, unknownClient } from '@posthorn/dns'
import type { SmtpSession } from '@posthorn/smtp'
import type { PolicyClient, PolicyRequest, Refusal } from '../policy/index.ts'
import type { ScreenAction, Watch } from '../screen/index.ts'
import type { MilterGuard } from './milter-guard.ts'
import type { TroubleClass } from './session-notice.ts'

/** What the receiver remembers of a session beside what the port carries. */
export interface SessionState {
  client: PolicyClient
  improperPipelining: boolean
  /** Of the transaction under way; '' = none, or the null sender. */
  sender: string
  /** Mail transactions begun. */
  transactions: number
  /** The client as statistics name it, `smtp:192.0.2.1`; undefined: not counted. */
  counted?: string
  /** Told at each RCPT: the client failed a test before the greeting. */
  screened?: Refusal
  /** Tests after the greeting that the client has not passed yet. */
  watch?: Watch
  /** To be called at the end: the screen counts the clients that it tests. */
  gone?: () => void
  /** What the screen does with a client that does not wait for the greeting. */
  onPregreet?: ScreenAction
  /** Lines of the transcript before the first mail. */
  linesBeforeMail?: number
  /** What went wrong, of what postmaster may hear; present once something has. */
  trouble?: Set<TroubleClass>
  /** Present when filters are asked. */
  milters?: MilterGuard
  /** To be called when nobody is logged in any more. */
  leaveLogins?: () => void
  /** The connection is gone. */
  isOver?: true
  /** What they want done with all mail of this client. */
  milterVerdict?: 'hold' | 'discard'
}

const unknown: ClientName = unknownClient('permanent')

export function newSessionState(session: SmtpSession): SessionState {
  return {
    client: { address: session.clientAddress, name: unknown, inMyNetworks: false },
    improperPipelining: false,
    sender: '',
    transactions: 0,
  }
}

/** What was begun for a session, or for the client of a proxy, ends with it. */
export function endState(state: SessionState): void {
  state.milters?.quit()
  state.leaveLogins?.()
  state.isOver = true
}

/** The parts of a question to the policy that come from the session. */
export function sessionRequest(
  session: SmtpSession,
  state: SessionState,
  command: string,
): Omit<PolicyRequest, 'sender' | 'recipient' | 'recipientCount' | 'sizeBytes' | 'queueId'> {
  return {
    command,
    client: state.client,
    helo: session.helo,
    protocol: session.protocol,
    encrypted: session.tls !== undefined,
    user: session.user?.address,
    improperPipelining: state.improperPipelining,
    connection: session,
    transaction: state.transactions,
  }
}

/** `mail.example.org[192.0.2.1]`, as Postfix logs a client. */
export function clientOf(session: SmtpSession): string {
  const port = session.portInLog === 'yes' ? `:${session.clientPort}` : ''
  return `${session.clientName}[${session.clientAddress}]${port}`
}

/** Whose mail it is in the log of what becomes of it: the client of the server before a filter, when that told. */
export function originClientOf(session: SmtpSession): string {
  const { forwarded } = session
  return forwarded === undefined ? clientOf(session) : `${forwarded.name}[${forwarded.address}]`
}

/** `, orig_queue_id=1A2B, orig_client=mail.example.net[192.0.2.1]`, or nothing. Postfix: XFORWARD_README. */
function forwardedText({ forwarded }: SmtpSession): string {
  if (forwarded === undefined) return ''
  const { ident, name, address } = forwarded
  const client = name === 'unknown' && address === 'unknown' ? '' : `, orig_client=${name}[${address}]`
  return `${ident === '' ? '' : `, orig_queue_id=${ident}`}${client}`
}

/** `, sasl_method=PLAIN, sasl_username=a@b`, or nothing. */
function loginText({ user }: SmtpSession): string {
  return user === undefined ? '' : `, sasl_method=${user.method}, sasl_username=${user.address}`
}

/** `client=mail.example.org[192.0.2.1], sasl_method=…`: what Postfix logs when it takes a message. */
export function clientText(session: SmtpSession): string {
  return `client=${clientOf(session)}${loginText(session)}${forwardedText(session)}`
}
