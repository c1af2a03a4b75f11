import * as crypto from 'node:crypto'

export interface ClientLogin {
  readonly user: string
  readonly password: string
}

/** A client's side: its answer to each challenge (raw octets). The first may go with the command when `clientFirst`. */
export interface ClientMechanism {
  readonly name: string
  readonly clientFirst: boolean
  begin(login: ClientLogin): { respond(challenge: Buffer): Buffer }
}

/** RFC 4616 */
const plain: ClientMechanism = {
  name: 'PLAIN',
  clientFirst: true,
  begin: ({ user, password }) => ({ respond: () => Buffer.from(`\0${user}\0${password}`) }),
}

/** draft-murchison-sasl-login: servers ask for the name first, whatever the words of their question. */
const login: ClientMechanism = {
  name: 'LOGIN',
  clientFirst: false,
  begin({ user, password }) {
    let asked = 0
    return { respond: () => Buffer.from(asked++ === 0 ? user : password) }
  },
}

/** RFC 2195 §2 */
const cramMd5: ClientMechanism = {
  name: 'CRAM-MD5',
  clientFirst: false,
  begin: ({ user, password }) => ({
    respond: (challenge) =>
      Buffer.from(`${user} ${crypto.createHmac('md5', password).update(challenge).digest('hex')}`),
  }),
}

/** Preferred first. */
export const clientMechanisms: readonly ClientMechanism[] = [cramMd5, plain, login]

/** The best one that the server offers and we allow; undefined when there is none. */
export function chooseClientMechanism(
  offered: readonly string[],
  plaintext: 'allowed' | 'refused',
): ClientMechanism | undefined {
  const names = new Set(offered.map((name) => name.toUpperCase()))
  return clientMechanisms.find(
    ({ name }) => names.has(name) && (plaintext === 'allowed' || name === 'CRAM-MD5'),
  )
}
