import type { ImapService } from '@posthorn/imap'
import type { Log } from '@posthorn/mail'
import {
  Admission,
  ClientCounts,
  type Connection,
  type Listener,
  type ListenOptions,
  listen,
  type SharedTally,
  type TlsCredentials,
} from '@posthorn/net'
import { type Pop3Service, pop3Refusal } from '@posthorn/pop3'
import type { Config } from '../config/config.ts'
import { listenHosts } from './listen-hosts.ts'
import { isTrustedProxy } from './proxies.ts'
import { readingLimits } from './reading-options.ts'

export interface ReadingServices {
  readonly imap: ImapService
  readonly pop3: Pop3Service
  readonly credentials: TlsCredentials
  readonly log: Log
  /** Clients that no limit by address binds. */
  readonly isTrusted: (address: string) => boolean
  /** Present where several processes serve: the limit by address counts in all of them. */
  readonly tallies?: SharedTally | undefined
}

export type ReadingServiceName = 'imap' | 'imaps' | 'pop3' | 'pop3s'

export interface ReadingListener {
  readonly service: ReadingServiceName
  readonly listener: Listener
}

const imapRefusal = (): string => '* BYE [UNAVAILABLE] Too many connections, try again later.\r\n'

/** Everything about a listener that its protocol decides. */
function protocolOptions(
  service: ReadingServiceName,
  services: ReadingServices,
): Pick<ListenOptions, 'onConnection' | 'refusal' | 'alpnProtocols' | 'implicitTls'> {
  const tls = service.endsWith('s') ? { implicitTls: services.credentials } : {}
  if (service.startsWith('imap'))
    return {
      ...tls,
      alpnProtocols: ['imap'],
      refusal: imapRefusal,
      onConnection: (connection) => services.imap.accept(connection),
    }
  return {
    ...tls,
    alpnProtocols: ['pop3'],
    refusal: pop3Refusal,
    onConnection: (connection) => services.pop3.accept(connection),
  }
}

function logging(
  service: ReadingServiceName,
  log: Log,
): Pick<ListenOptions, 'onFault' | 'onRefused' | 'onHandshakeFailed' | 'onAcceptError'> {
  const name = service.startsWith('imap') ? 'imap-login' : 'pop3-login'
  const from = (connection: Connection): string =>
    `rip=${connection.remoteAddress}, lip=${connection.localAddress}`
  return {
    onFault: (error, connection) =>
      log({ level: 'error', service: name, text: `session fault (${from(connection)})`, error }),
    onRefused: (connection, refusal) =>
      log({ level: 'warning', service: name, text: `Disconnected: ${refusal} (${from(connection)})` }),
    onHandshakeFailed: (connection, error) =>
      log({
        level: 'info',
        service: name,
        text: `Disconnected: TLS handshaking: ${error?.message ?? 'connection closed'}: ${from(connection)}`,
      }),
    onAcceptError: (error) =>
      log({ level: 'error', service: name, text: 'cannot accept connections', error }),
  }
}

export interface ReadingListeners {
  readonly all: readonly ReadingListener[]
  /** New limits bind new connections. */
  reload(config: Config): void
}

/**
 * Opens the POP3 and IMAP ports. `portOf` may replace a configured port (tests take any free one).
 * @throws ListenError; then nothing stays open.
 */
export async function openReadingListeners(
  config: Config,
  hosts: readonly string[],
  services: ReadingServices,
  portOf: (service: ReadingServiceName, configured: number) => number,
): Promise<ReadingListeners> {
  const limits = readingLimits(config.values, services.isTrusted)
  const admissions = {
    imap: new Admission(limits, new ClientCounts('imap clients', services.tallies)),
    pop3: new Admission(limits, new ClientCounts('pop3 clients', services.tallies)),
  }
  const all: ReadingListener[] = []
  try {
    for (const { kind: service, port, host: only } of config.services.reading)
      for (const host of only === undefined ? hosts : listenHosts([only], config.values.inet_protocols)) {
        const listener = await listen({
          host,
          port: portOf(service, port),
          admission: service.startsWith('imap') ? admissions.imap : admissions.pop3,
          proxyFrom: isTrustedProxy(config.values.haproxy_trusted_networks),
          proxyTimeoutMs: config.values.haproxy_timeout,
          ...protocolOptions(service, services),
          ...logging(service, services.log),
        })
        all.push({ service, listener })
      }
  } catch (error) {
    await Promise.all(all.map(async ({ listener }) => await listener.close()))
    throw error
  }
  return {
    all,
    reload: (next) => {
      for (const admission of Object.values(admissions))
        admission.setLimits(readingLimits(next.values, services.isTrusted))
    },
  }
}
