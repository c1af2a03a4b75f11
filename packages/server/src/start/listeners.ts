import type { Log } from '@posthorn/mail'
import { ListenError } from '@posthorn/net'
import type { SmtpListening, SmtpService, SmtpServiceName } from '@posthorn/smtp'
import type { Config } from '../config/config.ts'
import { readingHosts, smtpHosts } from '../services/listen-hosts.ts'
import { openReadingListeners, type ReadingServices } from '../services/reading-listeners.ts'
import { mxOptions } from '../services/smtp-options.ts'
import { errorCode, StartError } from '../start-error.ts'
import { type MailServerPorts, type ServiceName, serviceNames } from './ports.ts'

export interface ListenersInput {
  readonly config: Config
  readonly log: Log
  readonly smtp: SmtpService
  readonly reading: ReadingServices
  readonly portOf: (service: ServiceName, configured: number) => number
}

export interface Listeners {
  readonly ports: MailServerPorts
  reload(config: Config): void
  /** Stops accepting; sessions go on. */
  stop(): Promise<void>
  /** Breaks what is left. */
  close(): Promise<void>
}

const smtpServices: readonly (readonly [service: SmtpServiceName, name: ServiceName])[] = [
  ['mx', 'smtp'],
  ['submission', 'submission'],
  ['submissions', 'submissions'],
]

/** One way to say that a port cannot be had, whoever found out. */
function startError(error: unknown, host: string, port: number, parameter: string): StartError {
  const listenError =
    error instanceof ListenError ? error : new ListenError(errorCode(error), host, port, { cause: error })
  return new StartError(`${listenError.message.replace(/; [^;]*$/, '')} (${parameter})`, listenError.remedy, {
    cause: error,
  })
}

async function openSmtp({ config, smtp, portOf }: ListenersInput): Promise<readonly SmtpListening[]> {
  const open: SmtpListening[] = []
  for (const [service, name] of smtpServices) {
    const configured = config.values[`${name}_port`]
    if (configured === 0) continue
    for (const host of smtpHosts(config)) {
      const port = portOf(name, configured)
      try {
        const options = service === 'mx' ? { options: mxOptions(config.values) } : {}
        open.push(await smtp.listen({ service, host, port, ...options }))
      } catch (error) {
        await Promise.all(open.map(async (listening) => await listening.close()))
        throw startError(error, host, port, `${name}_port`)
      }
    }
  }
  return open
}

/** Opens every configured port, or none: what cannot be had is told as StartError. */
export async function openListeners(input: ListenersInput): Promise<Listeners> {
  const smtp = await openSmtp(input)
  const { config, reading, portOf } = input
  const pop3AndImap = await openReadingListeners(config, readingHosts(config), reading, portOf).catch(
    async (error) => {
      await Promise.all(smtp.map(async (listening) => await listening.close()))
      if (error instanceof ListenError)
        throw startError(error, error.host, error.port, 'imap_port, pop3_port')
      throw error
    },
  )
  const ports = Object.fromEntries(serviceNames.map((name) => [name, 0])) as Record<ServiceName, number>
  for (const [service, name] of smtpServices)
    ports[name] = smtp.find((one) => one.service === service)?.port ?? 0
  for (const { service, listener } of pop3AndImap.all) ports[service] ||= listener.port
  return {
    ports,
    reload: (next) => pop3AndImap.reload(next),
    stop: async () => {
      await Promise.all([
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
