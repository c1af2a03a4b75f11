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

/** Google's and Microsoft's OAuth 2.0: the password is a bearer token. An error comes as a challenge, answered empty. */
const xoauth2: ClientMechanism = {
  name: 'XOAUTH2',
  clientFirst: true,
  begin({ user, password }) {
    let asked = 0
    return {
      respond: () => Buffer.from(asked++ === 0 ? `user=${user}\x01auth=Bearer ${password}\x01\x01` : ''),
    }
  },
}

/** Preferred first. */
export const clientMechanisms: readonly ClientMechanism[] = [cramMd5, plain, login, xoauth2]

/**
 * The best one that the server offers and we allow; undefined when there is none.
 *
 * @param filter names, `!name` for those never used; empty = all. Postfix: smtp_sasl_mechanism_filter.
 */
export function chooseClientMechanism(
  offered: readonly string[],
  plaintext: 'allowed' | 'refused',
  filter: readonly string[] = [],
): ClientMechanism | undefined {
  const names = new Set(offered.map((name) => name.toUpperCase()))
  return clientMechanisms.find(
    ({ name }) => names.has(name) && passes(name, filter) && (plaintext === 'allowed' || name === 'CRAM-MD5'),
  )
}

/** The first word that names it decides; a list of refusals alone lets the others pass. */
function passes(name: string, filter: readonly string[]): boolean {
  for (const word of filter) {
    const bare = word.replace(/^!/, '').toUpperCase()
    if (bare === name || bare === 'STATIC:ALL') return !word.startsWith('!')
  }
  return filter.every((word) => word.startsWith('!'))
}
