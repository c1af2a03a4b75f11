import type { Config } from '../../config/config.ts'
import type { ParameterName } from '../../config/schema/schema.ts'

const services = [
  { parameter: 'smtp_port', wellKnown: 25, name: 'smtp', command: 'smtpd' },
  {
    parameter: 'submission_port',
    wellKnown: 587,
    name: 'submission',
    command: 'smtpd -o smtpd_sasl_auth_enable=yes',
  },
  {
    parameter: 'submissions_port',
    wellKnown: 465,
    name: 'submissions',
    command: 'smtpd -o smtpd_tls_wrappermode=yes',
  },
  { parameter: 'pop3_port', wellKnown: 110, name: 'pop3', command: 'pop3-login' },
  { parameter: 'pop3s_port', wellKnown: 995, name: 'pop3s', command: 'pop3-login' },
  { parameter: 'imap_port', wellKnown: 143, name: 'imap', command: 'imap-login' },
  { parameter: 'imaps_port', wellKnown: 993, name: 'imaps', command: 'imap-login' },
] as const satisfies readonly { parameter: ParameterName; [key: string]: unknown }[]

/** The listeners as lines of master.cf; `filters` are `name` or `name/type`. Postfix: postconf -M. */
export function formatServices(config: Config, filters: readonly string[]): readonly string[] {
  return services
    .filter(({ parameter }) => config.values[parameter] !== 0)
    .map((service) => {
      const port = config.values[service.parameter]
      return {
        name: port === service.wellKnown ? service.name : String(port),
        ...{ command: service.command },
      }
    })
    .filter(({ name }) => filters.length === 0 || filters.some((filter) => `${name}/inet`.startsWith(filter)))
    .map(({ name, command }) =>
      [name.padEnd(10), 'inet ', 'n      ', '-      ', 'n      ', '-      ', '-      ', command].join(' '),
    )
}
