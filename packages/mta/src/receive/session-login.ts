import type { Accounts } from '@posthorn/accounts'
import type { Log } from '@posthorn/mail'
import type { LoginAnswer, SmtpHandler, SmtpSession } from '@posthorn/smtp'
import { reply } from './refusals.ts'
import { clientOf } from './session-state.ts'

export type Credentials = Parameters<SmtpHandler['authenticate']>[1]

const temporaryFailure = 'Temporary authentication failure'

/** AUTH, and what the log says where it fails. */
export async function logIn(
  session: SmtpSession,
  credentials: Credentials,
  { accounts, log }: { readonly accounts: Pick<Accounts, 'authenticate'>; readonly log: Log },
): Promise<LoginAnswer> {
  const { service, clientAddress, trusted } = session
  const client = {
    clientAddress,
    service: service === 'mx' ? 'smtpd' : service,
    trusted,
    certificate: session.tls?.certified,
  }
  const result = await accounts.authenticate(credentials, client)
  if (result.ok) return { ok: true, address: result.account.address }
  const isTemporary = result.reason === 'throttled' || result.reason === 'unavailable'
  const why = isTemporary ? temporaryFailure : 'authentication failure'
  const text = `${clientOf(session)}: SASL ${credentials.mechanism} authentication failed: ${why}`
  log({ level: 'warning', service: 'smtpd', text })
  const { tokenRefusal } = result
  return {
    ok: false,
    ...(tokenRefusal === undefined ? {} : { tokenRefusal }),
    reply: isTemporary
      ? reply(454, '4.7.0', temporaryFailure)
      : reply(535, '5.7.8', 'Error: authentication failed: authentication failure'),
  }
}

/** A name without a domain, completed. Postfix: smtpd_sasl_local_domain. */
export function withLocalDomain(name: string, localDomain = ''): string {
  return localDomain === '' || name === '' || name.includes('@') ? name : `${name}@${localDomain}`
}
