import { decodeText, type MechanismRun, malformed, type SaslStep, type ServerMechanism } from './exchange.ts'

/**
 * LOGIN (draft-murchison-sasl-login §2): two questions. Outlook wants the challenges to be exactly
 * `Username:` and `Password:`; some clients answer the first one with the command.
 */
export const login: ServerMechanism = {
  name: 'LOGIN',
  plaintext: true,
  begin(initial) {
    const run = new LoginRun()
    // An empty initial response (`=`) asks for the question as none does.
    if (initial === undefined || initial.length === 0)
      return { run, step: { kind: 'challenge', data: askUser } }
    return { run, step: run.respond(initial) }
  },
}

const askUser = Buffer.from('Username:')
const askPassword = Buffer.from('Password:')

class LoginRun implements MechanismRun {
  #authcid: string | undefined

  respond(message: Buffer): SaslStep {
    const text = decodeText(message)
    if (text === undefined) return malformed('LOGIN: not UTF-8, or with NUL')
    if (text === '')
      return malformed(this.#authcid === undefined ? 'LOGIN: no user name' : 'LOGIN: no password')
    if (this.#authcid === undefined) {
      this.#authcid = text
      return { kind: 'challenge', data: askPassword }
    }
    return {
      kind: 'credentials',
      credentials: { mechanism: 'LOGIN', authzid: '', authcid: this.#authcid, password: text },
    }
  }
}
