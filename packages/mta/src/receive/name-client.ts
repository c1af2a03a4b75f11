import type { Accounts } from '@posthorn/accounts'
import { type ClientName, clientName, type Resolver } from '@posthorn/dns'
import type { Answer, SmtpSession } from '@posthorn/smtp'
import { after } from './answer.ts'
import { isLoopback } from './header-clients.ts'
import type { ReceiveConfiguration, ReceiveOptions } from './receive-options.ts'
import type { SessionState } from './session-state.ts'

const defaultTimeoutMs = 5_000
const loopbackName: ClientName = {
  name: 'localhost',
  reverseName: 'localhost',
  status: 'ok',
  reverseStatus: 'ok',
}

/**
 * Gives the session its client's name: from DNS for strangers, known for ourselves, 'unknown' for the rest.
 * Postfix: smtpd_peername_lookup.
 */
export function nameClient(
  session: SmtpSession,
  state: SessionState,
  options: Pick<ReceiveOptions, 'clientNames' | 'clientNameTimeoutMs'>,
  dns: Resolver,
): Answer<void> {
  return after(nameOf(session, state, options, dns), (name) => {
    state.client = { ...state.client, address: session.clientAddress, name }
    session.clientName = name.name
  })
}

function nameOf(
  { clientAddress }: SmtpSession,
  { client }: SessionState,
  { clientNames, clientNameTimeoutMs = defaultTimeoutMs }: Parameters<typeof nameClient>[2],
  dns: Resolver,
): Answer<ClientName> {
  if (clientNames === 'unknown') return client.name
  if (isLoopback(clientAddress)) return loopbackName
  return client.inMyNetworks ? client.name : clientName(dns, clientAddress, clientNameTimeoutMs)
}

/** SMTP after POP. Not from a container's gateway: that is everybody. */
export function mayRelayAsReader(
  { service, clientAddress }: SmtpSession,
  { client }: SessionState,
  { options, gatewayGuard }: ReceiveConfiguration,
  accounts: Pick<Accounts, 'hasReadMail'>,
): Answer<boolean> {
  if (options.popBeforeSmtp !== 'yes' || service !== 'mx' || client.inMyNetworks) return false
  return gatewayGuard?.trusts(clientAddress) === false ? false : accounts.hasReadMail(clientAddress)
}
