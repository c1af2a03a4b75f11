import {
  findMechanism,
  offeredMechanisms,
  type SaslFailure,
  ServerExchange,
  usableBindings,
} from '@posthorn/sasl'
import type { NotAuthenticatedSession } from '../session/session.ts'
import { asciiUpper } from '../wire/ascii.ts'
import { bad, type Completion, command, no } from './command.ts'
import { loginAnswer, passwordExposed, privacyRequired } from './login-answer.ts'

const failures: Readonly<Record<SaslFailure, Completion>> = {
  cancelled: bad('Authentication aborted by client.'),
  'bad-base64': bad('Invalid base64 data in continued response'),
  'too-long': bad('Authentication response is too long'),
  malformed: bad('Invalid SASL response'),
  refused: no('Authentication failed.', 'AUTHENTICATIONFAILED'),
}

/** RFC 9051 §6.2.2, initial response RFC 4959. */
export const authenticate = command({
  name: 'AUTHENTICATE',
  states: ['not-authenticated'],
  numbers: 'none',
  early: ({ state, plaintextAuth, mechanisms, secure, certified }) => [
    'SASL-IR',
    ...(state === 'not-authenticated'
      ? offeredMechanisms({
          names: mechanisms,
          plaintext: plaintextAuth ? 'allowed' : 'refused',
          bindings: secure ? 'some' : 'none',
          certificate: certified ? 'shown' : 'none',
        }).map(({ name }) => `AUTH=${name}`)
      : []),
  ],
  args: (p) => ({
    // In quotes, too, or as a literal, as Dovecot and Apache James take them.
    name: asciiUpper(p.sp().astring()),
    initial: p.acceptSp() ? Buffer.from(p.astring(), 'latin1') : undefined,
  }),
  async run(session, { name, initial }) {
    const mechanism = findMechanism(name)
    const { mechanisms, encryption } = session.services.options()
    if (mechanism === undefined || !mechanisms.includes(mechanism.name))
      return no('Unsupported authentication mechanism.', 'CANNOT')
    if (encryption === 'required' && session.client.secure === undefined) return privacyRequired
    if (mechanism.plaintext && session.plaintextAuth === 'refused') {
      if (initial !== undefined) session.untagged(passwordExposed)
      return privacyRequired
    }
    const bindings = usableBindings(mechanisms, session.client.secure?.channelBindings())
    const exchange = new ServerExchange(mechanism, initial, bindings)
    const failure = await converse(session, exchange)
    if (failure !== undefined) return failure
    if (exchange.step.kind !== 'credentials') return failures.malformed
    return loginAnswer(session, exchange.step.credentials, {
      granted: () => {
        exchange.confirm()
        return converse(session, exchange)
      },
      refused: (refusal) => {
        exchange.refuse(refusal)
        return converse(session, exchange)
      },
    })
  },
})

/** Up to credentials, or to the end of the exchange; the answer when it breaks. */
async function converse(
  session: NotAuthenticatedSession,
  exchange: ServerExchange,
): Promise<Completion | undefined> {
  for (;;) {
    const { step } = exchange
    switch (step.kind) {
      case 'challenge': {
        const line = await session.ask(exchange.challenge)
        if (line === undefined) return failures.cancelled
        exchange.respond(line)
        break
      }
      case 'lookup':
        exchange.provide(await session.services.accounts.scramVerifier(step.authcid))
        break
      case 'failed':
        return failures[step.failure]
      case 'credentials':
      case 'done':
        return undefined
    }
  }
}
