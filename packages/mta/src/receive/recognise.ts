import type { ClientName } from '@posthorn/dns'
import type { ClaimedName, ProxiedClient, SmtpSession } from '@posthorn/smtp'
import type { ReceiveConfiguration } from './receive-options.ts'
import type { SessionState } from './session-state.ts'

/** What a client's address alone decides. Asked again when XCLIENT has named another. */
export function recognise(
  session: SmtpSession,
  state: SessionState,
  configuration: ReceiveConfiguration,
): void {
  const { mynetworks, gatewayGuard, bareNewlineExclusions, authExceptions, verpClients, ehloKeywords } =
    configuration
  const { mechanismFilter } = configuration
  const { clientAddress } = session
  const inMyNetworks = mynetworks.has(clientAddress) && (gatewayGuard?.trusts(clientAddress) ?? true)
  session.trusted = inMyNetworks
  mark(session, 'bareNewline', bareNewlineExclusions?.has(clientAddress) === true ? 'accepted' : undefined)
  mark(session, 'auth', authExceptions?.has(clientAddress) === true ? 'hidden' : undefined)
  mark(session, 'verp', verpClients?.has(clientAddress) === true ? 'offered' : undefined)
  mark(session, 'namesMechanism', mechanismFilter && ((name) => mechanismFilter.has(name)))
  mark(session, 'discardEhloKeywords', ehloKeywords?.(clientAddress))
  state.client = { ...state.client, inMyNetworks }
  if (configuration.options.portInLog !== 'yes') return
  session.portInLog = 'yes'
  state.client = { ...state.client, port: session.clientPort }
}

/** Who may say whose mail he brings; by name too, which is known later than the address. */
export function authorise(session: SmtpSession, { xclientHosts, xforwardHosts }: ReceiveConfiguration): void {
  const { clientAddress, clientName } = session
  mark(session, 'xclient', xclientHosts?.has(clientAddress, clientName) === true ? 'offered' : undefined)
  mark(session, 'xforward', xforwardHosts?.has(clientAddress, clientName) === true ? 'offered' : undefined)
}

/** Absent rather than undefined: most clients have none of them. */
function mark<
  K extends
    | 'bareNewline'
    | 'auth'
    | 'verp'
    | 'xclient'
    | 'xforward'
    | 'discardEhloKeywords'
    | 'namesMechanism',
>(session: SmtpSession, name: K, value: SmtpSession[K] | undefined): void {
  if (value !== undefined) session[name] = value
  else if (session[name] !== undefined) delete session[name]
}

/** The names of a session's new client; what the proxy does not say stays as it was. Postfix: XCLIENT_README. */
export function becomes(
  state: SessionState,
  before: ClientName,
  { name, reverseName }: ProxiedClient,
): ClientName {
  const known: ClientName = {
    ...before,
    ...(name === undefined ? {} : { name: nameOf(name), status: statusOf(name) }),
    ...(reverseName === undefined
      ? {}
      : { reverseName: nameOf(reverseName), reverseStatus: statusOf(reverseName) }),
  }
  state.client = { ...state.client, name: known }
  return known
}

const nameOf = (claimed: ClaimedName): string => ('name' in claimed ? claimed.name : 'unknown')
const statusOf = (claimed: ClaimedName): 'ok' | 'permanent' | 'temporary' =>
  'name' in claimed ? 'ok' : claimed.missing
