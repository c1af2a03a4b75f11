import type { Credentials, LoginRefusal } from '@posthorn/accounts'
import type { TokenRefusal } from '@posthorn/sasl'
import type { NotAuthenticatedSession } from '../session/session.ts'
import { type Completion, no, ok } from './command.ts'

/** The same words for every reason that tells something about an account. RFC 5530 §3. */
const refusals: Readonly<Record<LoginRefusal, Completion>> = {
  credentials: no('Authentication failed.', 'AUTHENTICATIONFAILED'),
  disabled: no('Authentication failed.', 'AUTHENTICATIONFAILED'),
  authorization: no('Authentication failed.', 'AUTHENTICATIONFAILED'),
  certificate: no('A valid client certificate is required.', 'AUTHENTICATIONFAILED'),
  throttled: no('Too many failed logins; try again later.', 'LIMIT'),
  unavailable: no('Temporary authentication failure.', 'UNAVAILABLE'),
}

/** What an exchange has left to say once the outcome is known. */
interface LastWords {
  /** The answer when the client does not want to hear it. */
  readonly granted?: () => Promise<Completion | undefined>
  readonly refused?: (refusal: TokenRefusal) => Promise<unknown>
}

/** Verifies, logs in, answers with the capabilities that hold from now on (RFC 9051 §6.2.3). */
export async function loginAnswer(
  session: NotAuthenticatedSession,
  credentials: Credentials,
  exchange: LastWords = {},
): Promise<Completion> {
  const { referral, neverDelayed } = session.services.options()
  const { remoteAddress, trusted, certificate } = session.client
  const user = certificate?.user ?? credentials.authcid
  const elsewhere = referral?.(user)
  if (elsewhere !== undefined) return referralTo(elsewhere, user)
  const result = await session.services.accounts.authenticate(credentials, {
    clientAddress: remoteAddress,
    service: 'imap',
    trusted: trusted || neverDelayed(remoteAddress),
    signal: session.signal,
    certificate,
  })
  // Dovecot's word for it.
  const method = credentials.mechanism === 'LOGIN-COMMAND' ? 'PLAIN' : credentials.mechanism
  if (!result.ok) {
    session.loginFailed(user, method)
    if (result.tokenRefusal !== undefined) await exchange.refused?.(result.tokenRefusal)
    return refusals[result.reason]
  }
  const broken = await exchange.granted?.()
  if (broken !== undefined) {
    session.loginFailed(user, method)
    return broken
  }
  const refusal = await session.login(result.account, method)
  if (refusal !== undefined) return no(refusal.message, refusal.code)
  return ok('Logged in', session.capabilities())
}

/** RFC 2221 §4.1: the password is not looked at, it is known there. */
function referralTo(place: string, user: string): Completion {
  const url = /^imaps?:\/\//i.test(place) ? place : `imap://${encodeURIComponent(user)};AUTH=*@${place}/`
  const printable = url.replace(/[^\x21-\x5c\x5e-\x7e]/g, '')
  return no('Specified user is invalid on this server. Try the other server.', `REFERRAL ${printable}`)
}

/** RFC 9051 §6.2.2, §6.2.3: LOGINDISABLED and no plaintext mechanism in the clear. */
export const privacyRequired: Completion = no(
  'Plaintext authentication disallowed on non-secure (SSL/TLS) connections.',
  'PRIVACYREQUIRED',
)

export const passwordExposed =
  'BAD [ALERT] Plaintext authentication not allowed without SSL/TLS, but your client did it anyway. ' +
  'If anyone was listening, the password was exposed.'
