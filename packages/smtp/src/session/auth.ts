import { findMechanism, ServerExchange } from '@posthorn/sasl'
import type { Answer, SmtpReply } from '../handler.ts'
import { splitWords } from '../wire/command-line.ts'
import { reply } from '../wire/reply.ts'
import type { Session } from './session.ts'

/** Mechanisms offered in this session's present state; none without TLS when passwords would go in the clear. */
export const offeredNow = (session: Session): readonly string[] => {
  const { options, peer } = session
  if (options.auth === 'disabled') return []
  const names = options.mechanisms.filter((name) => findMechanism(name) !== undefined)
  if (peer.tls !== undefined || options.authOnlyWithTls === 'no') return names
  return names.filter((name) => findMechanism(name)?.plaintext === false)
}

/** AUTH. RFC 4954 §4; replies in Postfix's words. */
export const auth = (session: Session, argument: string): Answer<SmtpReply | undefined> => {
  const { options, peer } = session
  if (peer.helo === '') return reply(503, '5.5.1', 'Error: send HELO/EHLO first')
  if (options.auth === 'disabled') return reply(503, '5.5.1', 'Error: authentication not enabled')
  if (session.mail !== undefined) return reply(503, '5.5.1', 'Error: MAIL transaction in progress')
  if (peer.user !== undefined) return reply(503, '5.5.1', 'Error: already authenticated')
  const words = splitWords(argument)
  const [name, initial] = words
  if (name === undefined || words.length > 2) return reply(501, '5.5.4', 'Syntax: AUTH mechanism')
  const mechanism = findMechanism(name)
  if (mechanism === undefined || !options.mechanisms.includes(mechanism.name)) {
    return reply(535, '5.7.8', 'Error: authentication failed: Invalid authentication mechanism')
  }
  if (!offeredNow(session).includes(mechanism.name)) {
    return reply(538, '5.7.11', 'Encryption required for requested authentication mechanism')
  }
  return advance(
    session,
    new ServerExchange(mechanism, initial === undefined ? undefined : Buffer.from(initial)),
  )
}

/** The client's answer to a challenge. */
export const answerToChallenge = (
  session: Session,
  exchange: ServerExchange,
  line: Buffer,
): Answer<SmtpReply | undefined> => {
  session.mode = { kind: 'command' }
  exchange.respond(line)
  return advance(session, exchange)
}

const advance = (session: Session, exchange: ServerExchange): Answer<SmtpReply | undefined> => {
  const { step } = exchange
  if (step.kind === 'challenge') {
    session.mode = { kind: 'auth', exchange }
    return reply(334, undefined, exchange.challenge)
  }
  if (step.kind === 'failed') {
    if (step.failure === 'cancelled') return reply(501, '5.7.0', 'Authentication aborted')
    return reply(535, '5.7.8', `Error: authentication failed: ${step.text}`)
  }
  return login(session, step.credentials)
}

const login = async (
  session: Session,
  credentials: Extract<ServerExchange['step'], { kind: 'credentials' }>['credentials'],
): Promise<SmtpReply> => {
  const { peer } = session
  const outcome = await session.host.handler.authenticate(peer, credentials)
  if (!outcome.ok) return outcome.reply
  peer.user = { address: outcome.address, method: credentials.mechanism }
  return reply(235, '2.7.0', 'Authentication successful')
}
