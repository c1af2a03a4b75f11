import { findMechanism, offeredMechanisms, type SaslFailure, ServerExchange } from '@posthorn/sasl'
import { bad, type Completion, command, no } from './command.ts'
import { loginAnswer, passwordExposed, privacyRequired } from './login-answer.ts'

const failures: Readonly<Record<SaslFailure, Completion>> = {
  cancelled: bad('Authentication aborted by client.'),
  'bad-base64': bad('Invalid base64 data in continued response'),
  'too-long': bad('Authentication response is too long'),
  malformed: bad('Invalid SASL response'),
}

/** RFC 9051 §6.2.2, initial response RFC 4959. */
export const authenticate = command({
  name: 'AUTHENTICATE',
  states: ['not-authenticated'],
  numbers: 'none',
  early: ({ state, plaintextAuth }) => [
    'SASL-IR',
    ...(state === 'not-authenticated'
      ? offeredMechanisms(plaintextAuth ? 'allowed' : 'refused').map(({ name }) => `AUTH=${name}`)
      : []),
  ],
  args: (p) => ({
    name: p.sp().keyword(),
    initial: p.atEnd ? undefined : Buffer.from(p.sp().atom(), 'latin1'),
  }),
  async run(session, { name, initial }) {
    const mechanism = findMechanism(name)
    if (mechanism === undefined) return no('Unsupported authentication mechanism.', 'CANNOT')
    if (mechanism.plaintext && session.plaintextAuth === 'refused') {
      if (initial !== undefined) session.untagged(passwordExposed)
      return privacyRequired
    }
    const exchange = new ServerExchange(mechanism, initial)
    while (exchange.step.kind === 'challenge') {
      const line = await session.ask(exchange.challenge)
      if (line === undefined) return failures.cancelled
      exchange.respond(line)
    }
    const { step } = exchange
    if (step.kind === 'failed') return failures[step.failure]
    return loginAnswer(session, step.credentials)
  },
})
