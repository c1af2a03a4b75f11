import { chooseClientMechanism } from '@posthorn/sasl'
import { isFailure, type Told } from './awaited-replies.ts'
import type { RemoteConnection } from './connection.ts'
import type { SmtpFailure } from './failure.ts'
import type { ClientLoginOptions } from './options.ts'

const stage = 'performing SASL authentication'
/** PLAIN and LOGIN need two, CRAM-MD5 one; an endless server gets no more. */
const maxChallenges = 10

/** AUTH, where we have a login. RFC 4954 §4. undefined: logged in, or nothing to do. */
export const logIn = async (
  connection: RemoteConnection,
  login: ClientLoginOptions | undefined,
): Promise<SmtpFailure | undefined> => {
  if (login === undefined) return undefined
  const { peer, timeouts } = connection
  const cannot = (why: string): SmtpFailure => ({
    kind: 'auth',
    status: '4.7.0',
    text: `SASL authentication failed; cannot authenticate to server ${peer}: ${why}`,
  })
  const hidden = connection.secure ? login.plaintextInTls !== 'refused' : login.plaintext === 'allowed'
  const offered = (connection.extensions.get('AUTH') ?? '').split(/[ \t]+/)
  const mechanism = chooseClientMechanism(offered, hidden ? 'allowed' : 'refused', login.mechanisms)
  if (mechanism === undefined) return cannot('no mechanism available')
  const exchange = mechanism.begin(login)
  const first = mechanism.clientFirst ? ` ${exchange.respond(Buffer.alloc(0)).toString('base64') || '='}` : ''
  let told: Told = await connection.command(`AUTH ${mechanism.name}${first}`, timeouts.heloMs, stage)
  for (let asked = 0; !isFailure(told) && told.code === 334 && asked < maxChallenges; asked++) {
    const challenge = Buffer.from(told.text.slice(3).trim(), 'base64')
    told = await connection.command(exchange.respond(challenge).toString('base64'), timeouts.heloMs, stage)
  }
  if (isFailure(told)) return told
  if (told.code < 300) return undefined
  const text = `SASL authentication failed; server ${peer} said: ${told.text}`
  // Postfix: smtp_sasl_auth_soft_bounce: a wrong password is the administrator's to mend, not the sender's.
  const status = login.refusal === 'hard' ? told.status : told.status.replace(/^[235]/, '4')
  return { kind: 'auth', status, text, reply: told }
}
