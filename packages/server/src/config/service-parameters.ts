import type { Config } from './config.ts'
import { parameters } from './schema/schema.ts'
import { transportSuffixes } from './transport-parameters.ts'

/** What a transport has where it has nothing of its own. */
const generalOf = (suffix: (typeof transportSuffixes)[number]): string =>
  suffix === '_time_limit'
    ? '$command_time_limit'
    : suffix === '_initial_destination_concurrency'
      ? '$initial_destination_concurrency'
      : `$default${suffix}`

/** Programs that run a command for a limited time. */
const commandAgents: ReadonlySet<string> = new Set(['pipe', 'spawn'])
const deliveryAgents: ReadonlySet<string> = new Set(['smtp', 'lmtp', 'pipe'])

/** Parameters that are named after services, with their defaults: `slow_destination_rate_delay`. Postfix: postconf(1), class service. */
export function serviceParameters(config: Pick<Config, 'masterCf'>): ReadonlyMap<string, string> {
  const services = [
    ...['smtp', 'relay', 'lmtp'].map((name) => ({ name, program: 'smtp' })),
    ...(config.masterCf?.services ?? []).map(({ fields }) => ({
      name: fields.service,
      program: fields.command.split(/\s/, 1)[0] ?? '',
      type: fields.type,
    })),
  ]
  const found = new Map<string, string>()
  for (const { name, program } of services)
    for (const suffix of transportSuffixes) {
      const agents = suffix === '_time_limit' ? commandAgents : deliveryAgents
      const parameter = `${name}${suffix}`
      if (agents.has(program)) found.set(parameter, parameters.get(parameter)?.default ?? generalOf(suffix))
    }
  return found
}
