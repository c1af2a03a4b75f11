import {
  type Credentials,
  findMechanism,
  offeredMechanisms,
  type SaslStep,
  ServerExchange,
  usableBindings,
} from '@posthorn/sasl'
import { err, ok } from '../errors.ts'
import { loginRefusals } from '../session/login-refusals.ts'
import type { Authorization, Command, Pop3Session, Reply } from '../session/session.ts'
import { plaintextRefused } from './user.ts'

/** AUTH. RFC 5034 §4; without an argument it lists the mechanisms, as old clients expect (RFC 1734). */
export const auth: Command = {
  name: 'AUTH',
  capabilities(session) {
    const names = offeredNames(session)
    return names.length === 0 ? [] : [`SASL ${names.join(' ')}`]
  },
  authorization(session, state, rest) {
    const words = rest.toString('latin1').trim().split(/ +/)
    const [name = '', initial] = words
    if (name === '')
      return `${ok()}${offeredNames(session)
        .map((offered) => `${offered}\r\n`)
        .join('')}.\r\n`
    const mechanism = findMechanism(name)
    const { mechanisms } = session.options
    if (mechanism === undefined || !mechanisms.includes(mechanism.name))
      return err('Unsupported authentication mechanism.', 'AUTH')
    if (!mayLogIn(session) || (mechanism.plaintext && !session.plaintextAllowed)) return plaintextRefused
    if (words.length > 2) return err('Invalid base64 data in initial response', 'AUTH')
    state.exchange = new ServerExchange(
      mechanism,
      initial === undefined ? undefined : Buffer.from(initial, 'latin1'),
      usableBindings(mechanisms, session.connection.secure?.channelBindings()),
    )
    state.granted = undefined
    state.refused = undefined
    return answerStep(session, state, state.exchange.step)
  },
}

/** The client's next line of an exchange under way. */
export function continueExchange(
  session: Pop3Session,
  state: Authorization,
  line: Buffer,
): Reply | Promise<Reply> {
  return answerStep(session, state, state.exchange!.respond(line))
}

function answerStep(session: Pop3Session, state: Authorization, step: SaslStep): Reply | Promise<Reply> {
  if (step.kind === 'challenge') return `+ ${state.exchange!.challenge}\r\n`
  if (step.kind === 'lookup') return lookUp(session, state, step.authcid)
  if (step.kind === 'credentials') return verify(session, state, step.credentials)
  const { exchange, granted, refused } = state
  state.exchange = undefined
  state.granted = undefined
  state.refused = undefined
  if (step.kind === 'done')
    return granted === undefined
      ? err('Authentication failed.', 'AUTH')
      : session.open(granted, exchange!.mechanism.name)
  if (refused !== undefined) return refused
  if (step.failure === 'cancelled') return err('Authentication aborted by client.')
  if (step.failure === 'bad-base64') return err('Invalid base64 data in client response', 'AUTH')
  if (step.failure === 'too-long') return err('Authentication response too long.')
  return err('Authentication failed.', 'AUTH')
}

async function lookUp(session: Pop3Session, state: Authorization, authcid: string): Promise<Reply> {
  const verifier = await session.services.accounts.scramVerifier(authcid)
  return state.exchange === undefined
    ? undefined
    : answerStep(session, state, state.exchange.provide(verifier))
}

async function verify(session: Pop3Session, state: Authorization, credentials: Credentials): Promise<Reply> {
  const result = await session.verify(credentials)
  const { exchange } = state
  if (result.ok) {
    if (exchange === undefined) return undefined
    state.granted = result.account
    return answerStep(session, state, exchange.confirm())
  }
  const refused = loginRefusals[result.reason]
  if (result.tokenRefusal === undefined || exchange === undefined) {
    state.exchange = undefined
    return refused
  }
  state.refused = refused
  return answerStep(session, state, exchange.refuse(result.tokenRefusal))
}

const mayLogIn = ({ options, connection }: Pop3Session): boolean =>
  options.encryption === 'optional' || connection.secure !== undefined

function offeredNames(session: Pop3Session): readonly string[] {
  if (!mayLogIn(session)) return []
  return offeredMechanisms({
    names: session.options.mechanisms,
    plaintext: session.plaintextAllowed ? 'allowed' : 'refused',
    bindings: session.connection.secure === undefined ? 'none' : 'some',
    certificate:
      session.options.mechanisms.includes('EXTERNAL') && session.certificate?.user !== undefined
        ? 'shown'
        : 'none',
  }).map(({ name }) => name)
}
