import type { Config } from '../config/config.ts'
import type { ServiceEntry, ServiceOption } from '../config/master-cf.ts'

/**
 * The configuration of a service of master.cf that takes mail in: its `-o`, and those of the cleanup service that
 * it names (`-o cleanup_service_name=subcleanup`), where header_checks of its own usually stand.
 */
export function serviceConfig(config: Config, { options }: Pick<ServiceEntry, 'options'>): Config {
  const own = config.withOptions(options)
  const cleanup = cleanupOptions(config, own.values.cleanup_service_name)
  return cleanup.length === 0 ? own : config.withOptions([...options, ...cleanup])
}

/** How the mail of the sendmail command comes in. Postfix: pickup(8). */
export const pickupConfig = (config: Config): Config =>
  serviceConfig(config, { options: pickupOptions(config) })

export function pickupOptions(config: Config): readonly ServiceOption[] {
  const entry = config.masterCf?.services.find(
    ({ program, fields }) => program === 'pickup' && fields.type !== 'inet',
  )
  return entry?.options ?? []
}

/** Those of the cleanup service of that name. */
export function cleanupOptions(config: Config, name: string): readonly ServiceOption[] {
  const found = config.masterCf?.services.find(
    ({ program, fields }) => program === 'cleanup' && fields.service === name,
  )
  return found?.options ?? []
}

/** Postfix: receive_override_options. */
export const overrides = (
  { values }: Config,
  what: 'no_unknown_recipient_checks' | 'no_address_mappings' | 'no_header_body_checks' | 'no_milters',
): boolean => values.receive_override_options.includes(what)

/**
 * Whether addresses are mapped before mail goes to a content filter: where the service that takes it back does not.
 * Once is enough: copies for always_bcc would come twice.
 */
export const mapsBeforeFilter = ({ masterCf }: Config): boolean =>
  (masterCf?.services ?? []).some(
    ({ program, options }) =>
      program === 'smtpd' &&
      options.some(
        ({ name, value }) => name === 'receive_override_options' && value.includes('no_address_mappings'),
      ),
  )
