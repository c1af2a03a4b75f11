/** What lines of master.cf are called in the log. Postfix: `-o syslog_name`. */
import type { Log } from '@posthorn/mail'
import type { Config } from '../config/config.ts'
import { ExpansionError, expand } from '../config/expand.ts'
import type { ServiceOption } from '../config/master-cf.ts'

interface ServiceLine {
  readonly service: string
  readonly program: string
  readonly options: readonly ServiceOption[]
}

interface LogName {
  /** `submission/smtpd` */
  readonly service: string
  /** Where it is not the one of main.cf. */
  readonly syslogName?: string
}

/**
 * `-o syslog_name=postfix/submission`: `posthorn/submission/smtpd`; `-o syslog_name=mx-out`: `mx-out/smtp`.
 * undefined: as main.cf says. Files that were written for Postfix call the system by its standard name.
 */
export function logNameOf({ service, program, options }: ServiceLine, config: Config): LogName | undefined {
  const given = options.findLast(({ name }) => name === 'syslog_name')?.value
  if (given === undefined) return undefined
  const site = config.values.syslog_name
  const name = expanded(given, service, config)
  if (name === '' || name === site || name === 'postfix') return undefined
  const own = [site, 'postfix'].find((system) => name.startsWith(`${system}/`))
  if (own !== undefined) return { service: `${name.slice(own.length + 1)}/${program}` }
  return { service: program, syslogName: name }
}

function expanded(text: string, service: string, config: Config): string {
  try {
    return expand(text, (name) => (name === 'service_name' ? service : config.text(name)))
  } catch (error) {
    if (error instanceof ExpansionError) return text
    throw error
  }
}

/** Each line of a listener goes under its name. */
export function listenerLog(log: Log, line: ServiceLine, config: Config): Log {
  const name = logNameOf({ ...line, program: '' }, config)
  if (name === undefined) return log
  const { service, syslogName } = name
  const more = syslogName === undefined ? {} : { syslogName }
  return (event) => log({ ...event, service: `${service}${event.service}`, ...more })
}

/** Lines of transports go under the names that the configuration in force gives them. */
export function transportLog(log: Log, current: () => Config): Log {
  let named = new Map<string, LogName>()
  let of: Config | undefined
  return (event) => {
    const config = current()
    if (config !== of) {
      of = config
      named = namesOf(config)
    }
    const name = named.get(event.service)
    log(name === undefined ? event : { ...event, ...name })
  }
}

function namesOf(config: Config): Map<string, LogName> {
  const named = new Map<string, LogName>()
  for (const { name: service, program, options } of config.services.transports) {
    const name = logNameOf({ service, program, options }, config)
    if (name !== undefined) named.set(service, name)
  }
  return named
}
