import type { Accounts, LoginEnd, Logins } from '@posthorn/accounts'
import type { Log } from '@posthorn/mail'
import type { LoginAnswer, SmtpHandler, SmtpSession } from '@posthorn/smtp'
import type { Account } from '@posthorn/storage'
import { reply } from './refusals.ts'
import { clientOf, type SessionState } from './session-state.ts'

export type Credentials = Parameters<SmtpHandler['authenticate']>[1]

const temporaryFailure = 'Temporary authentication failure'

export interface LoginSources {
  readonly accounts: Pick<Accounts, 'authenticate'>
  /** Who has logged in, to be ended with the account's rights. */
  readonly logins: Logins
  readonly log: Log
  readonly now: () => number
  readonly configuration: () => { readonly options: { readonly myhostname: string } }
}

/** Whether an account is gone or switched off is not told. */
const endings: Readonly<Record<LoginEnd, string>> = {
  disabled: 'this account may not be used any more',
  removed: 'this account may not be used any more',
  renamed: 'this account has another name now',
  'new password': 'the password was changed',
  kicked: 'disconnected by the administrator',
}

/** AUTH, and what the log says where it fails. */
export async function logIn(
  session: SmtpSession,
  state: SessionState,
  credentials: Credentials,
  sources: LoginSources,
): Promise<LoginAnswer> {
  const { accounts, log } = sources
  const { service, clientAddress, trusted } = session
  const client = {
    clientAddress,
    service: service === 'mx' ? 'smtpd' : service,
    trusted,
    certificate: session.tls?.certified,
  }
  const result = await accounts.authenticate(credentials, client)
  if (result.ok) {
    const { account } = result
    enter(session, state, { account, mechanism: credentials.mechanism, ...sources })
    return { ok: true, address: account.address }
  }
  const isTemporary = result.reason === 'throttled' || result.reason === 'unavailable'
  const why = isTemporary ? temporaryFailure : 'authentication failure'
  const name = credentials.authcid.slice(0, 100) || '(unavailable)'
  const text = `${clientOf(session)}: SASL ${credentials.mechanism} authentication failed: ${why}, sasl_username=${name}`
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

function enter(
  session: SmtpSession,
  state: SessionState,
  {
    logins,
    log,
    now,
    configuration,
    ...login
  }: LoginSources & { readonly account: Account; readonly mechanism: string },
): void {
  const { service, clientAddress } = session
  // It may have gone while its password was looked at, or an exchange before has come to nothing.
  state.leaveLogins?.()
  if (state.isOver) return
  state.leaveLogins = logins.enter({
    account: login.account,
    mechanism: login.mechanism,
    protocol: service === 'mx' ? 'smtp' : service,
    clientAddress,
    sinceMs: now(),
    end: (why) => {
      const { myhostname } = configuration().options
      log({ level: 'info', service: 'smtpd', text: `${clientOf(session)}: session ends: ${endings[why]}` })
      session.dismiss?.(reply(421, '4.7.0', `${myhostname} Error: ${endings[why]}`))
    },
  })
}

/** A name without a domain, completed. Postfix: smtpd_sasl_local_domain. */
export function withLocalDomain(name: string, localDomain = ''): string {
  return localDomain === '' || name === '' || name.includes('@') ? name : `${name}@${localDomain}`
}
