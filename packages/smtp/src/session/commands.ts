import type { Answer, SmtpReply, SmtpSession } from '../handler.ts'
import { reply } from '../wire/reply.ts'
import { auth } from './auth.ts'
import { ehlo, helo, startTls } from './hello.ts'
import { lacksHello } from './hello-required.ts'
import { bdat, data, mailFrom, rcptTo } from './mail-commands.ts'
import type { Session } from './session.ts'
import { xclient } from './xclient.ts'
import { xforward } from './xforward.ts'

export interface Command {
  readonly services: readonly SmtpSession['service'][]
  /** Allowed where TLS is required and not there yet. */
  readonly beforeTls?: true
  /** Must be the last of a pipelined group (RFC 2920 §3.1). */
  readonly last?: true
  /** Counted against junkCommandLimit, for it brings no mail nearer. */
  readonly junk?: true
  /** undefined: no reply now. */
  readonly run: (session: Session, argument: string) => Answer<SmtpReply | undefined>
}

const smtp = ['mx', 'submission', 'submissions'] as const
const all = [...smtp, 'lmtp'] as const

const okay = reply(250, '2.0.0', 'Ok')

/** RSET. RFC 5321 §4.1.1.5. */
const rset = (session: Session, argument: string): Answer<SmtpReply> => {
  if (argument !== '') return reply(501, '5.5.4', 'Syntax: RSET')
  const done = session.forget('RSET')
  return done instanceof Promise ? done.then(() => okay) : okay
}

/** QUIT. RFC 5321 §4.1.1.10. */
const quit = (session: Session): undefined => {
  session.counts.add('quit', 'accepted')
  session.close(reply(221, '2.0.0', 'Bye'), 'leave')
}

/** VRFY. RFC 5321 §3.5, RFC 6531 §3.7.4.2. */
const vrfy = (session: Session, argument: string): Answer<SmtpReply> => {
  if (session.options.vrfy === 'disabled') return reply(502, '5.5.1', 'VRFY command is disabled')
  const address = argument.replace(/[ \t]SMTPUTF8$/i, '').trim()
  if (address === '') return reply(501, '5.5.4', 'Syntax: VRFY address [SMTPUTF8]')
  return session.host.handler.vrfy(session.peer, address)
}

const expn = (session: Session, argument: string): Answer<SmtpReply> =>
  session.host.handler.expn(session.peer, argument)

/** ETRN. RFC 1985 §5. */
const etrn = (session: Session, argument: string): Answer<SmtpReply> => {
  if (lacksHello(session)) return reply(503, undefined, 'Error: send HELO/EHLO first')
  if (session.mail !== undefined) return reply(503, undefined, 'Error: MAIL transaction in progress')
  if (argument === '' || /[ \t]/.test(argument)) return reply(500, undefined, 'Syntax: ETRN domain')
  return session.host.handler.etrn(session.peer, argument)
}

export const commandTable: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['HELO', { services: smtp, beforeTls: true, last: true, junk: true, run: helo }],
  ['EHLO', { services: smtp, beforeTls: true, last: true, junk: true, run: (s, a) => ehlo(s, a, 'EHLO') }],
  [
    'LHLO',
    { services: ['lmtp'], beforeTls: true, last: true, junk: true, run: (s, a) => ehlo(s, a, 'LHLO') },
  ],
  ['STARTTLS', { services: all, beforeTls: true, run: startTls }],
  ['AUTH', { services: smtp, run: auth }],
  ['MAIL', { services: all, run: mailFrom }],
  ['RCPT', { services: all, run: rcptTo }],
  ['DATA', { services: all, last: true, run: data }],
  ['BDAT', { services: all, run: bdat }],
  ['RSET', { services: all, junk: true, run: rset }],
  ['NOOP', { services: all, beforeTls: true, last: true, junk: true, run: () => okay }],
  ['VRFY', { services: all, last: true, junk: true, run: vrfy }],
  ['EXPN', { services: all, last: true, junk: true, run: expn }],
  ['ETRN', { services: smtp, junk: true, run: etrn }],
  ['XCLIENT', { services: all, run: xclient }],
  ['XFORWARD', { services: all, run: xforward }],
  ['QUIT', { services: all, beforeTls: true, run: quit }],
])
