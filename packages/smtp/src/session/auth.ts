import {
  type Credentials,
  findMechanism,
  offeredMechanisms,
  ServerExchange,
  usableBindings,
} from '@posthorn/sasl'
import type { Answer, SmtpReply } from '../handler.ts'
import { splitWords } from '../wire/command-line.ts'
import { reply } from '../wire/reply.ts'
import { dismiss } from './dismissal.ts'
import { lacksHello } from './hello-required.ts'
import type { AuthMode } from './mode.ts'
import type { Session } from './session.ts'

/** Mechanisms offered in this session's present state; none without TLS where smtpd_tls_auth_only says so. */
export const offeredNow = (session: Session): readonly string[] => {
  const { options, peer, host } = session
  if (options.auth === 'disabled' || peer.auth === 'hidden') return []
  if (peer.tls === undefined && options.authOnlyWithTls === 'yes') return []
  const mechanisms = mechanismsOf(session)
  const offered = offeredMechanisms({
    names: mechanisms,
    plaintext: 'allowed',
    bindings: peer.tls?.channelBindings === undefined ? 'none' : 'some',
    certificate: peer.tls?.certified?.user === undefined ? 'none' : 'shown',
  }).filter(({ name }) => !name.startsWith('SCRAM-') || host.handler.scramVerifier !== undefined)
  const names = new Set(offered.map(({ name }) => name))
  return mechanisms.filter((name) => names.has(name))
}

/** What may be offered at all; once TLS is on it may be more. */
const mechanismsOf = ({ options, peer }: Session): readonly string[] =>
  peer.tls === undefined ? options.mechanisms : (options.tlsMechanisms ?? options.mechanisms)

/** AUTH. RFC 4954 §4; replies in Postfix's words. */
export const auth = (session: Session, argument: string): Answer<SmtpReply | undefined> => {
  const { options, peer } = session
  if (lacksHello(session)) return reply(503, '5.5.1', 'Error: send HELO/EHLO first')
  if (options.auth === 'disabled' || peer.auth === 'hidden')
    return reply(503, '5.5.1', 'Error: authentication not enabled')
  if (session.mail !== undefined) return reply(503, '5.5.1', 'Error: MAIL transaction in progress')
  if (peer.user !== undefined) return reply(503, '5.5.1', 'Error: already authenticated')
  const words = splitWords(argument)
  const [name, initial] = words
  if (name === undefined || words.length > 2) return reply(501, '5.5.4', 'Syntax: AUTH mechanism')
  const mechanism = findMechanism(name)
  if (mechanism === undefined || !mechanismsOf(session).includes(mechanism.name)) {
    return notBegun(session, name, 'Invalid authentication mechanism')
  }
  if (mechanism.certified && peer.tls !== undefined && peer.tls.certified?.user === undefined)
    return notBegun(session, name, 'no client certificate that names a user')
  if (!offeredNow(session).includes(mechanism.name)) {
    return reply(538, '5.7.11', 'Encryption required for requested authentication mechanism')
  }
  const bindings = usableBindings(mechanismsOf(session), peer.tls?.channelBindings?.())
  const message = initial === undefined ? undefined : Buffer.from(initial)
  return advance(session, new ServerExchange(mechanism, message, bindings, options.authLineLimitBytes))
}

/** The client's answer to a challenge. */
export const answerToChallenge = (
  session: Session,
  { exchange, ...outcome }: AuthMode,
  line: Buffer,
): Answer<SmtpReply | undefined> => {
  session.mode = { kind: 'command' }
  exchange.respond(line)
  return advance(session, exchange, outcome)
}

const advance = (
  session: Session,
  exchange: ServerExchange,
  outcome: Pick<AuthMode, 'granted' | 'refused'> = {},
): Answer<SmtpReply | undefined> => {
  // The client may have gone while its user was looked up.
  if (session.mode.kind === 'closed') return undefined
  const { step } = exchange
  switch (step.kind) {
    case 'challenge':
      session.mode = { kind: 'auth', exchange, ...outcome }
      return reply(334, undefined, exchange.challenge)
    case 'failed':
      if (outcome.refused !== undefined) return outcome.refused
      if (step.failure === 'cancelled') {
        session.note(`warning: ${session.client}: SASL ${exchange.mechanism.name} authentication aborted`)
        return reply(501, '5.7.0', 'Authentication aborted')
      }
      return notBegun(session, exchange.mechanism.name, step.text)
    case 'lookup':
      return lookUp(session, exchange, step.authcid)
    case 'credentials':
      return verify(session, exchange, step.credentials)
    case 'done':
      return loggedIn(session, exchange.mechanism.name, outcome.granted)
  }
}

const lookUp = async (
  session: Session,
  exchange: ServerExchange,
  authcid: string,
): Promise<SmtpReply | undefined> => {
  exchange.provide((await session.host.handler.scramVerifier?.(session.peer, authcid)) ?? '')
  return advance(session, exchange)
}

const verify = async (
  session: Session,
  exchange: ServerExchange,
  credentials: Credentials,
): Promise<SmtpReply | undefined> => {
  session.peer.dismiss ??= (answer) => dismiss(session, answer)
  const outcome = await session.host.handler.authenticate(session.peer, credentials)
  if (outcome.ok) {
    exchange.confirm()
    return advance(session, exchange, { granted: outcome.address })
  }
  if (outcome.tokenRefusal === undefined) return outcome.reply
  exchange.refuse(outcome.tokenRefusal)
  return advance(session, exchange, { refused: outcome.reply })
}

/** No password came to be looked at: whoever counts failures in the log counts these too. */
const notBegun = (session: Session, mechanism: string, why: string): SmtpReply => {
  const text = `SASL ${mechanism.slice(0, 100)} authentication failed: ${why}, sasl_username=(unavailable)`
  session.note(`warning: ${session.client}: ${text}`)
  return reply(535, '5.7.8', `Error: authentication failed: ${why}`)
}

const loggedIn = (session: Session, method: string, address: string | undefined): SmtpReply => {
  if (address === undefined) return reply(535, '5.7.8', 'Error: authentication failed')
  session.peer.user = { address, method }
  return reply(235, '2.7.0', 'Authentication successful')
}
