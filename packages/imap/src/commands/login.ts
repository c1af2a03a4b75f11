import { command } from './command.ts'
import { loginAnswer, passwordExposed, privacyRequired } from './login-answer.ts'

/** RFC 9051 §6.2.3. */
export const login = command({
  name: 'LOGIN',
  states: ['not-authenticated'],
  numbers: 'none',
  early: ({ state, plaintextAuth, referrals }) => [
    ...(state === 'not-authenticated' && !plaintextAuth ? ['LOGINDISABLED'] : []),
    ...(referrals ? ['LOGIN-REFERRALS'] : []),
  ],
  args: (p) => ({ authcid: p.sp().astring(), password: p.sp().astringOctets() }),
  run(session, { authcid, password }) {
    if (session.plaintextAuth === 'refused') {
      session.untagged(passwordExposed)
      return privacyRequired
    }
    return loginAnswer(session, { mechanism: 'LOGIN-COMMAND', authcid, password })
  },
})
