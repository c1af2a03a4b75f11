import type { Log } from '@posthorn/mail'
import { ClientCounts, type SharedTally, type TlsCredentials } from '@posthorn/net'
import { createSmtpService, type SmtpHandler, type SmtpOptions, type SmtpService } from '@posthorn/smtp'
import type { Config } from '../config/config.ts'
import type { ServiceOption } from '../config/master-cf.ts'
import type { ConfigValues } from '../config/schema/schema.ts'
import type { SmtpListenerService } from '../config/services.ts'
import { listenerLog } from '../log/service-log.ts'
import { clientPrefixes } from '../services/client-limits.ts'
import { shareOf } from '../services/shared-limit.ts'
import { mxOptions, smtpOptions } from '../services/smtp-options.ts'
import type { SmtpServices } from './listeners.ts'

export interface SmtpServicesInput {
  readonly config: Config
  readonly transfer: {
    readonly handler: SmtpHandler
    handlerOf(key: string, log: Log): SmtpHandler
  }
  readonly log: Log
  readonly credentials: TlsCredentials
  /** Present where several processes serve: smtpd_client_connection_count_limit counts in all of them. */
  readonly tallies?: SharedTally | undefined
}

/** The ports of main.cf share what is the same for them; each line of master.cf has limits of its own, as in Postfix. */
export function createSmtpServices({ config, transfer, log, credentials, tallies }: SmtpServicesInput) {
  const services = new Map<string, SmtpService>()
  for (const service of config.services.smtp) {
    const own =
      service.entry === undefined
        ? log
        : listenerLog(log, { ...service.entry, service: service.entry.fields.service }, config)
    services.set(
      service.key,
      createSmtpService({
        handler: service.entry === undefined ? transfer.handler : transfer.handlerOf(service.key, own),
        options: optionsOf(service, config),
        log: own,
        tls: credentials,
        clients: new ClientCounts(`${service.key} clients`, tallies, clientPrefixes(config.values)),
      }),
    )
  }
  const all: SmtpServices & { connections: number; setOptions(next: Config): void } = {
    of: (key) => {
      const found = services.get(key)
      if (found === undefined) throw new Error(`No SMTP service ${key}`)
      return found
    },
    get connections() {
      return [...services.values()].reduce((sum, one) => sum + one.connections, 0)
    },
    /** A service that the new configuration does not have keeps its options until the restart. */
    setOptions: (next) => {
      for (const service of next.services.smtp)
        services.get(service.key)?.setOptions(optionsOf(service, next))
    },
    close: async (mode, graceMs) => {
      await Promise.all([...services.values()].map(async (one) => await one.close(mode, graceMs)))
    },
  }
  return all
}

function optionsOf(service: SmtpListenerService, config: Config): ReturnType<typeof smtpOptions> {
  const options = optionsForAll(service, config)
  const { connections } = options
  return connections === undefined
    ? options
    : { ...options, connections: shareOf(connections, config.values) }
}

/** Ports of main.cf know what is right for them; a line of master.cf says it all itself. */
function optionsForAll({ kind, entry }: SmtpListenerService, config: Config): ReturnType<typeof smtpOptions> {
  if (entry === undefined)
    return {
      ...smtpOptions(config.values),
      ...(config.values.postscreen && kind === 'mx' ? proxyOfScreen(config.values) : {}),
      ...stressOptions(config, []),
      ...(kind === 'mx' ? mxOptions(config.values) : {}),
    }
  const { values } = config.withOptions(entry.options)
  const isScreen = entry.program === 'postscreen'
  // One postscreen takes all connections.
  const limit = isScreen ? 0 : Number.parseInt(entry.fields.process_limit, 10)
  return {
    ...smtpOptions(values),
    ...(isScreen || values.postscreen ? proxyOfScreen(values) : {}),
    ...stressOptions(config, entry.options),
    ...(kind === 'lmtp' ? {} : mxOptions(values)),
    ...(kind === 'lmtp' ? {} : { authRequired: 'no' }),
    ...(limit > 0 ? { connections: limit } : {}),
  }
}

/** Postfix: postscreen_upstream_proxy_protocol. */
function proxyOfScreen(values: ConfigValues): Partial<SmtpOptions> {
  if (values.postscreen_upstream_proxy_protocol !== 'haproxy') return {}
  return {
    proxyProtocolFrom: values.haproxy_trusted_networks,
    proxyTimeoutMs: values.postscreen_upstream_proxy_timeout,
  }
}

/** `${stress?{10}:{300}}s`: what main.cf says for a server whose connections are nearly all taken. */
function stressOptions(config: Config, own: readonly ServiceOption[]): Pick<SmtpOptions, 'stressed'> {
  const { values } = config.withOptions([...own, { name: 'stress', value: 'yes' }])
  return {
    stressed: {
      commandTimeoutMs: values.smtpd_timeout,
      hardErrorLimit: values.smtpd_hard_error_limit,
      junkCommandLimit: values.smtpd_junk_command_limit,
    },
  }
}
