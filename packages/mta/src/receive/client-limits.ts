import type { Log } from '@posthorn/mail'
import { customerNetwork, type PrefixLengths } from '@posthorn/net'
import type { SmtpSession } from '@posthorn/smtp'
import type { CounterStore } from '@posthorn/storage'
import type { NetworkList, Refusal } from '../policy/index.ts'
import { clientOf } from './session-state.ts'

/** Events in a time that one client, or one account, may cause; 0 = no limit. Postfix: anvil(8). */
export interface ClientLimitOptions {
  /** anvil_rate_time_unit. */
  readonly unitMs: number
  /** myhostname: who is sent away hears by whom. */
  readonly hostname: string
  /** smtpd_client_ipv4_prefix_length, smtpd_client_ipv6_prefix_length; default: an IPv4 address, an IPv6 /64. */
  readonly prefixes?: PrefixLengths
  readonly connections: number
  readonly messages: number
  readonly recipients: number
  readonly authentications: number
  readonly tlsSessions: number
  /** Recipients of mail that one login sends, from wherever. */
  readonly accountRecipients: number
  readonly accountUnitMs: number
}

export interface ClientLimitSources {
  /** Seen by all workers. */
  readonly counters: Pick<CounterStore, 'add'>
  /** smtpd_client_event_limit_exceptions. */
  readonly exceptions: NetworkList
  readonly log: Log
  readonly now: () => number
  /** Somebody's password sends more than its owner would; called once in accountUnitMs for each account. */
  readonly tellPostmaster: (account: string, clientAddress: string) => void
}

export type LimitedEvent = 'connection' | 'message' | 'recipient' | 'authentication' | 'tls session'

export interface ClientLimits {
  /** Counts the event. The refusal when there were too many; undefined at once when nothing limits it. */
  count(event: LimitedEvent, session: SmtpSession): Promise<Refusal | undefined> | undefined
  /** A recipient of mail that somebody who has logged in sends. */
  countForAccount(session: SmtpSession): Promise<Refusal | undefined> | undefined
}

interface Wording {
  readonly code: number
  readonly status: string
  readonly said: (address: string, hostname: string) => string
  readonly logged: string
}

/** Postfix's words. */
const wordings: Readonly<Record<LimitedEvent, Wording>> = {
  connection: {
    code: 421,
    status: '4.7.0',
    said: (address, hostname) => `${hostname} Error: too many connections from ${address}`,
    logged: 'Connection rate limit exceeded',
  },
  message: {
    code: 450,
    status: '4.7.1',
    said: (address) => `Error: too much mail from ${address}`,
    logged: 'Message delivery request rate limit exceeded',
  },
  recipient: {
    code: 450,
    status: '4.7.1',
    said: (address) => `Error: too many recipients from ${address}`,
    logged: 'Recipient address rate limit exceeded',
  },
  authentication: {
    code: 450,
    status: '4.7.1',
    said: (address) => `Error: too many AUTH commands from ${address}`,
    logged: 'AUTH command rate limit exceeded',
  },
  'tls session': {
    code: 454,
    status: '4.7.0',
    said: (address) => `Error: too many new TLS sessions from ${address}`,
    logged: 'New TLS session rate limit exceeded',
  },
}

/** undefined when nothing is limited, so that nobody asks. */
export function createClientLimits(
  options: ClientLimitOptions,
  sources: ClientLimitSources,
): ClientLimits | undefined {
  const limits: Readonly<Record<LimitedEvent, number>> = {
    connection: options.connections,
    message: options.messages,
    recipient: options.recipients,
    authentication: options.authentications,
    'tls session': options.tlsSessions,
  }
  if (options.accountRecipients === 0 && Object.values(limits).every((limit) => limit === 0)) return undefined
  return {
    count: (event, session) =>
      limits[event] === 0 || sources.exceptions.has(session.clientAddress)
        ? undefined
        : countClient(event, limits[event], session, options, sources),
    countForAccount: (session) =>
      options.accountRecipients === 0 || session.user === undefined
        ? undefined
        : countAccount(session.user.address, session, options, sources),
  }
}

async function countClient(
  event: LimitedEvent,
  limit: number,
  session: SmtpSession,
  { unitMs, hostname, prefixes }: ClientLimitOptions,
  { counters, log, now }: ClientLimitSources,
): Promise<Refusal | undefined> {
  const key = `smtpd ${event} ${customerNetwork(session.clientAddress, prefixes)}`
  const count = await counters.add(key, 1, now(), unitMs)
  if (count <= limit) return undefined
  const { code, status, said, logged } = wordings[event]
  const text = `${logged}: ${count} from ${clientOf(session)} for service smtpd`
  log({ level: 'warning', service: 'smtpd', text })
  return { code, status, text: said(session.clientAddress, hostname) }
}

async function countAccount(
  account: string,
  session: SmtpSession,
  { accountRecipients, accountUnitMs }: ClientLimitOptions,
  { counters, log, now, tellPostmaster }: ClientLimitSources,
): Promise<Refusal | undefined> {
  const nowMs = now()
  const count = await counters.add(`sent by ${account}`, 1, nowMs, accountUnitMs)
  if (count <= accountRecipients) return undefined
  const text = `Sending limit exceeded: ${count} recipients from sasl_username=${account} at ${clientOf(session)}`
  log({ level: 'warning', service: 'smtpd', text })
  if ((await counters.add(`told of ${account}`, 1, nowMs, accountUnitMs)) === 1)
    tellPostmaster(account, session.clientAddress)
  return { code: 450, status: '4.7.1', text: `Error: too many recipients from ${account}` }
}
