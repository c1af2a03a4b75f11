import { createRouting, type Routing } from '@posthorn/mta'
import type { Config } from '../config/config.ts'
import type { ServiceEntry, ServiceOption } from '../config/master-cf.ts'
import { cleanupOptions } from '../services/service-config.ts'
import { routingOptions } from '../services/transfer-options.ts'
import { goesAnotherWay, probeRoutingOptions } from '../services/verify-options.ts'

/** What one service of master.cf asks about addresses. */
interface ServiceRouting {
  /** Who is known: with the options of smtpd itself. */
  readonly addresses: Routing
  /** Where mail goes and what is rewritten: with the options of its cleanup service. */
  readonly routing: Routing
}

interface ServiceRoutings {
  of(entry: Pick<ServiceEntry, 'options'>): ServiceRouting
  close(): void
}

/** Postfix: smtpd(8), the tables it looks recipients up in. */
const ofSmtpd = new Set([
  'alias_maps',
  'canonical_maps',
  'local_recipient_maps',
  'recipient_canonical_maps',
  'relay_recipient_maps',
  'sender_canonical_maps',
  'virtual_alias_maps',
  'virtual_mailbox_maps',
])

/** Postfix: cleanup(8), address transformations. */
const ofCleanup =
  /^(?:always_bcc|(?:sender|recipient)_bcc_maps|(?:sender_|recipient_)?canonical_(?:maps|classes)|masquerade_\w+|virtual_alias_(?:maps|expansion_limit|recursion_limit|address_length_limit)|myorigin|append_(?:at_myorigin|dot_mydomain)|recipient_delimiter)$/

/** As main.cf has it, and once more for each other set of options that services have. */
async function serviceRoutings(
  config: Config,
  main: Routing,
  sources: Parameters<typeof createRouting>[1],
): Promise<ServiceRoutings> {
  const keyOf = (options: readonly ServiceOption[]): string =>
    JSON.stringify(routingOptions(options.length === 0 ? config : config.withOptions(options)))
  const made = new Map<string, Routing>([[keyOf([]), main]])
  const others: Routing[] = []
  const close = (): void => {
    for (const routing of others) routing.close()
  }
  const named = (entry: Pick<ServiceEntry, 'options'>) => {
    const { cleanup_service_name } = config.withOptions(entry.options).values
    return {
      smtpd: entry.options.filter(({ name }) => ofSmtpd.has(name)),
      cleanup: cleanupOptions(config, cleanup_service_name).filter(({ name }) => ofCleanup.test(name)),
    }
  }
  const make = async (options: readonly ServiceOption[]): Promise<void> => {
    const key = keyOf(options)
    if (made.has(key)) return
    const routing = await createRouting(routingOptions(config.withOptions(options)), sources)
    made.set(key, routing)
    others.push(routing)
  }
  const entries: readonly Pick<ServiceEntry, 'options'>[] = config.masterCf?.services ?? []
  try {
    for (const entry of [{ options: [] }, ...entries.filter(({ options }) => options.length > 0)]) {
      const { smtpd, cleanup } = named(entry)
      await make(smtpd)
      await make(cleanup)
    }
  } catch (error) {
    close()
    throw error
  }
  return {
    of(entry) {
      const { smtpd, cleanup } = named(entry)
      return { addresses: made.get(keyOf(smtpd)) ?? main, routing: made.get(keyOf(cleanup)) ?? main }
    },
    close,
  }
}

/** Every routing of a configuration. Probes go the way of mail, or their own (address_verify_relayhost and its kind). */
export async function routingsOf(
  config: Config,
  sources: Parameters<typeof createRouting>[1],
): Promise<{
  readonly routing: Routing
  readonly resolveProbe: Routing['resolve']
  readonly services: ServiceRoutings
}> {
  const main = await createRouting(routingOptions(config), sources)
  const opened: { close(): void }[] = [main]
  const close = (): void => {
    for (const one of opened) one.close()
  }
  const routing = { ...main, close }
  try {
    const services = await serviceRoutings(config, routing, sources)
    opened.push(services)
    if (!goesAnotherWay(config)) return { routing, resolveProbe: main.resolve, services }
    const probes = await createRouting(probeRoutingOptions(config), sources)
    opened.push(probes)
    return { routing, resolveProbe: probes.resolve, services }
  } catch (error) {
    close()
    throw error
  }
}
