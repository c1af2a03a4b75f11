import type { Answer, SmtpReply } from '../handler.ts'
import { splitWords } from '../wire/command-line.ts'
import { reply } from '../wire/reply.ts'
import { offeredNow } from './auth.ts'
import type { Session } from './session.ts'
import { xclientOffer } from './xclient.ts'
import { xforwardOffer } from './xforward.ts'

/** EHLO keywords in Postfix's order; each says whether it is offered now, and how. RFC 5321 §4.1.1.1. */
const keywords: readonly {
  readonly name: string
  readonly offer: (session: Session) => string | undefined
}[] = [
  // Nobody may wait for no answer who is to show that he waits for each.
  {
    name: 'PIPELINING',
    offer: ({ peer }) => (peer.probation === undefined ? 'PIPELINING' : undefined),
  },
  { name: 'SIZE', offer: ({ options }) => `SIZE ${options.messageSizeLimitBytes}` },
  { name: 'VRFY', offer: ({ options }) => (options.vrfy === 'enabled' ? 'VRFY' : undefined) },
  { name: 'ETRN', offer: ({ peer }) => (peer.service === 'lmtp' ? undefined : 'ETRN') },
  { name: 'XVERP', offer: ({ peer }) => (peer.verp === 'offered' ? 'XVERP' : undefined) },
  { name: 'STARTTLS', offer: (session) => (canStartTls(session) ? 'STARTTLS' : undefined) },
  { name: 'AUTH', offer: (session) => authLine(session, 'AUTH ') },
  {
    name: 'AUTH=',
    offer: (session) =>
      session.options.brokenSaslAuthClients === 'yes' ? authLine(session, 'AUTH=') : undefined,
  },
  { name: 'XCLIENT', offer: ({ peer }) => (peer.xclient === 'offered' ? xclientOffer : undefined) },
  { name: 'XFORWARD', offer: ({ peer }) => (peer.xforward === 'offered' ? xforwardOffer : undefined) },
  { name: 'ENHANCEDSTATUSCODES', offer: () => 'ENHANCEDSTATUSCODES' },
  { name: '8BITMIME', offer: () => '8BITMIME' },
  { name: 'DSN', offer: () => 'DSN' },
  { name: 'SMTPUTF8', offer: ({ options }) => (options.smtpUtf8 === 'yes' ? 'SMTPUTF8' : undefined) },
  { name: 'CHUNKING', offer: () => 'CHUNKING' },
  // RFC 8689 §4.1: over TLS only; those who speak LMTP have no TLS to demand.
  {
    name: 'REQUIRETLS',
    offer: ({ peer }) => (peer.tls !== undefined && peer.service !== 'lmtp' ? 'REQUIRETLS' : undefined),
  },
]

const authLine = (session: Session, prefix: string): string | undefined => {
  if (session.peer.user !== undefined) return undefined
  const { namesMechanism = () => true } = session.peer
  const names = offeredNow(session).filter((name) => namesMechanism(name))
  const hidden =
    session.options.tlsLevel === 'encrypt' && session.peer.tls === undefined && session.host.tlsAvailable
  return names.length === 0 || hidden ? undefined : prefix + names.join(' ')
}

const canStartTls = ({ options, host, peer }: Session): boolean =>
  peer.tls === undefined && host.tlsAvailable && options.tlsLevel !== 'none'

/** Whether a keyword may be used: offered, and not taken back by discardEhloKeywords. */
export const isOffered = (session: Session, name: string): boolean =>
  !(session.peer.discardEhloKeywords ?? session.options.discardEhloKeywords).includes(name)

export const ehloLines = (session: Session): string[] => {
  const lines = [session.options.hostname]
  for (const { name, offer } of keywords) {
    const line = isOffered(session, name.replace('=', '')) ? offer(session) : undefined
    if (line !== undefined) lines.push(line)
  }
  return lines
}

/** RFC 3848; the UTF8 names RFC 6531 §4.3. */
export const protocolName = (session: Session, smtpUtf8: 'plain' | 'utf8'): string => {
  const { peer } = session
  const suffix = `${peer.tls === undefined ? '' : 'S'}${peer.user === undefined ? '' : 'A'}`
  if (peer.service === 'lmtp') return `${smtpUtf8 === 'utf8' ? 'UTF8LMTP' : 'LMTP'}${suffix}`
  if (peer.protocol === 'SMTP' && suffix === '') return smtpUtf8 === 'utf8' ? 'UTF8SMTP' : 'SMTP'
  return `${smtpUtf8 === 'utf8' ? 'UTF8SMTP' : 'ESMTP'}${suffix}`
}

const hello = (
  session: Session,
  argument: string,
  verb: 'HELO' | 'EHLO' | 'LHLO',
  said: () => SmtpReply,
): Answer<SmtpReply> => {
  const name = splitWords(argument).join(' ')
  if (name === '') return reply(501, undefined, `Syntax: ${verb} hostname`)
  const { peer, host } = session
  const before = peer.helo
  // It goes into Received fields and logs. Postfix: printable(), neuter().
  peer.helo = name.slice(0, 300).replace(/[\x00-\x20\x7f-\x9f<>()\\";@]/g, '?')
  peer.protocol = verb === 'HELO' ? 'SMTP' : 'ESMTP'
  peer.protocol = protocolName(session, 'plain')
  const decide = (refused: SmtpReply | undefined): SmtpReply => {
    if (refused === undefined || refused.code < 400) return refused ?? said()
    peer.helo = before
    return refused
  }
  const forgotten = session.forget(verb)
  const answer =
    forgotten instanceof Promise
      ? forgotten.then(() => host.handler.helo(peer, verb))
      : host.handler.helo(peer, verb)
  return answer instanceof Promise ? answer.then(decide) : decide(answer)
}

/** HELO. RFC 5321 §4.1.1.1. */
export const helo = (session: Session, argument: string): Answer<SmtpReply> =>
  hello(session, argument, 'HELO', () => reply(250, undefined, session.options.hostname))

/** EHLO RFC 5321 §4.1.1.1, LHLO RFC 2033 §4.1. */
export const ehlo = (session: Session, argument: string, verb: 'EHLO' | 'LHLO'): Answer<SmtpReply> =>
  hello(session, argument, verb, () => ({ code: 250, text: ehloLines(session) }))

/** STARTTLS. RFC 3207 §4. */
export const startTls = (session: Session, argument: string): Answer<SmtpReply | undefined> => {
  if (argument !== '') return reply(501, '5.5.4', 'Syntax: STARTTLS')
  if (session.peer.tls !== undefined) return reply(554, '5.5.1', 'Error: TLS already active')
  if (!canStartTls(session) || !isOffered(session, 'STARTTLS')) {
    return reply(502, '5.5.1', 'Error: command not implemented')
  }
  const decided = (refused: SmtpReply | undefined): SmtpReply | undefined => {
    if (refused === undefined && session.mode.kind !== 'closed')
      session.beginTls(reply(220, '2.0.0', 'Ready to start TLS'))
    return refused
  }
  const answer = session.host.handler.startTls?.(session.peer)
  return answer instanceof Promise ? answer.then(decided) : decided(answer)
}
