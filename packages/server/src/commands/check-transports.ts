import type { Tables } from '@posthorn/mta'
import { closest } from '@posthorn/mta/closest'
import type { Config } from '../config/config.ts'
import { whereSet } from '../config/where-set.ts'

const parameters = [
  'local_transport',
  'virtual_transport',
  'relay_transport',
  'default_transport',
  'mailbox_transport',
  'fallback_transport',
] as const

/** These need no line of master.cf. */
const builtIn = ['smtp', 'relay', 'lmtp', 'local', 'virtual', 'error', 'retry', 'discard']

/**
 * Names of transports that no service has: mail for them would wait, and be returned in the end. Tables are looked
 * through where they hold a list. Postfix says it when such mail comes: qmgr(8).
 */
export function checkTransports(config: Config, tables: Tables): readonly string[] {
  const known = [...builtIn, ...config.services.transports.map(({ name }) => name)]
  const warnings: string[] = []
  const told = new Set<string>()
  const check = (where: string, value: string): void => {
    const colon = value.indexOf(':')
    const name = (colon === -1 ? value : value.slice(0, colon)).trim()
    if (name === '' || known.includes(name) || told.has(`${where} ${name}`)) return
    told.add(`${where} ${name}`)
    const close = name === 'esmtp' ? 'smtp' : closest(name, known)
    warnings.push(
      `${where}: there is no transport "${name}"${close === undefined ? ': name it in master.cf' : `; did you mean "${close}"?`} (mail for it waits)`,
    )
  }
  for (const name of parameters) check(`${whereSet(config, name)}: ${name}`, config.values[name])
  for (const spec of config.values.transport_maps) {
    const where = `${whereSet(config, 'transport_maps')}: transport_maps: ${spec}`
    try {
      for (const [, value] of tables.open(spec).entries?.() ?? []) check(where, value)
    } catch {
      // A table that cannot be read is told of by itself.
    }
  }
  return warnings
}
