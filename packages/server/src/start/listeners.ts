import { chmodSync, existsSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Log } from '@posthorn/mail'
import { ListenError, localSocketAnswers } from '@posthorn/net'
import type { SmtpListening, SmtpService, SmtpServiceName } from '@posthorn/smtp'
import type { Config } from '../config/config.ts'
import type { SmtpListenerService } from '../config/services.ts'
import { whereSet } from '../config/where-set.ts'
import { makeFolders } from '../make-folders.ts'
import { listenHosts, readingHosts, smtpHosts } from '../services/listen-hosts.ts'
import { createLocalUsers } from '../services/local-user.ts'
import { openReadingListeners, type ReadingServices } from '../services/reading-listeners.ts'
import { openSpawnServices } from '../services/spawn-services.ts'
import { errorCode, StartError } from '../start-error.ts'
import { type MailServerPorts, type ServiceName, serviceNames } from './ports.ts'

export interface ListenersInput {
  readonly config: Config
  readonly log: Log
  /** Who serves a listener of SMTP. */
  readonly smtp: SmtpServices
  readonly reading: ReadingServices
  readonly portOf: (service: ServiceName, configured: number) => number
}

/** The services of SMTP: one for all ports of main.cf, one for each line of master.cf. */
export interface SmtpServices {
  readonly of: (key: string) => SmtpService
  close(mode: 'graceful' | 'now', graceMs?: number): Promise<void>
}

/** Where something listens, by its name in master.cf or its parameter. */
export interface ListeningPlace {
  readonly key: string
  readonly host: string
  readonly port: number
}

export interface Listeners {
  readonly ports: MailServerPorts
  readonly places: readonly ListeningPlace[]
  reload(config: Config): void
  /** Stops accepting; sessions go on. */
  stop(): Promise<void>
  /** Breaks what is left. */
  close(): Promise<void>
}

const portNames: Readonly<Record<SmtpServiceName, ServiceName>> = {
  mx: 'smtp',
  submission: 'submission',
  submissions: 'submissions',
  lmtp: 'lmtp',
}

type OpenSmtp = SmtpListening & { readonly key: string }

/** One way to say that a port cannot be had, whoever found out. */
function startError(
  error: unknown,
  { host, port, parameter }: { readonly host: string; readonly port: number; readonly parameter: string },
  config: Config,
): StartError {
  const listenError =
    error instanceof ListenError ? error : new ListenError(errorCode(error), host, port, { cause: error })
  const reason = listenError.message.replace(/; [^;]*$/, '')
  // What is wrong is the address where that is not ours, and the port otherwise.
  const named = /^EADDRNOTAVAIL$|^ENOTFOUND$/.test(listenError.code) ? 'inet_interfaces' : parameter
  const place = config.isSet(named) ? `${whereSet(config, named)}: ` : ''
  return new StartError(`${place}${reason} (${parameter})`, listenError.remedy, { cause: error })
}

async function openSmtp({ config, smtp, portOf }: ListenersInput): Promise<readonly OpenSmtp[]> {
  const open: OpenSmtp[] = []
  for (const { key, kind, port: configured, host: only, socket } of config.services.smtp) {
    if (socket !== undefined) {
      try {
        open.push({ ...(await listenAt(socket, kind, smtp.of(key))), key })
      } catch (error) {
        await Promise.all(open.map(async (listening) => await listening.close()))
        const remedy = 'create its folder for the user of the server, or name another path'
        throw new StartError(`Cannot listen at ${socket.path}: ${errorCode(error)}`, remedy, { cause: error })
      }
      continue
    }
    for (const host of only === undefined ? smtpHosts(config) : hostsOf(only, config)) {
      const port = portOf(portNames[kind], configured)
      try {
        const listening = await smtp.of(key).listen({ service: kind, host, port })
        open.push({ ...listening, key })
      } catch (error) {
        await Promise.all(open.map(async (listening) => await listening.close()))
        const parameter = key.endsWith('/inet') ? `master.cf: ${key}` : key
        throw startError(error, { host, port, parameter }, config)
      }
    }
  }
  return open
}

/** A socket that nobody listens at any more is replaced. */
async function listenAt(
  { path, access }: NonNullable<SmtpListenerService['socket']>,
  kind: SmtpServiceName,
  service: SmtpService,
): Promise<SmtpListening> {
  const everybody = access === 'everybody'
  makeFolders(dirname(path), everybody ? 0o755 : 0o700)
  if (existsSync(path) && !(await localSocketAnswers(path))) rmSync(path)
  const listening = await service.listen({ service: kind, path })
  chmodSync(path, everybody ? 0o666 : 0o600)
  return listening
}

/** master.cf(5): a host before the port is a name or an address. */
const hostsOf = (host: string, { values }: Config): readonly string[] =>
  listenHosts([host], values.inet_protocols)

/** Opens every configured port, or none: what cannot be had is told as StartError. */
export async function openListeners(input: ListenersInput): Promise<Listeners> {
  const smtp = await openSmtp(input)
  const { config, reading, portOf } = input
  const pop3AndImap = await openReadingListeners(config, readingHosts(config), reading, portOf).catch(
    async (error) => {
      await Promise.all(smtp.map(async (listening) => await listening.close()))
      if (!(error instanceof ListenError)) throw error
      const { host, port } = error
      const { key } = config.services.reading.find((one) => portOf(one.kind, one.port) === port) ?? {}
      const parameter =
        key === undefined ? 'imap_port, pop3_port' : key.endsWith('/inet') ? `master.cf: ${key}` : key
      throw startError(error, { host, port, parameter }, config)
    },
  )
  const spawned = await openSpawnServices({ config, log: input.log, userNamed: createLocalUsers() })
  const ports = Object.fromEntries(serviceNames.map((name) => [name, 0])) as Record<ServiceName, number>
  for (const { service, port } of smtp) {
    ports[portNames[service]] ||= port
  }
  for (const { service, listener } of pop3AndImap.all) ports[service] ||= listener.port
  return {
    ports,
    places: [
      ...smtp.map(({ key, address, port }) => ({ key, host: address, port })),
      ...pop3AndImap.all.map(({ service, listener }) => ({
        key: service,
        host: listener.host,
        port: listener.port,
      })),
    ],
    reload: (next) => pop3AndImap.reload(next),
    stop: async () => {
      await Promise.all([
        spawned.close(),
        ...smtp.map(async (one) => await one.close()),
        ...pop3AndImap.all.map(async ({ listener }) => await listener.stop()),
      ])
    },
    close: async () => {
      await input.smtp.close('now')
      await Promise.all(pop3AndImap.all.map(async ({ listener }) => await listener.close()))
    },
  }
}
