import type { Config } from '../config/config.ts'
import type { Parameter } from '../config/schema/parameter.ts'
import { parameters } from '../config/schema/schema.ts'
import { parseValue } from '../config/value.ts'

const general = parameters.get('command_time_limit') as Parameter

/** How long a program of master.cf may run, ms: `policyd-spf_time_limit`, else command_time_limit. Postfix: spawn(8), pipe(8). */
export function timeLimitOf(config: Config, service: string | undefined): number {
  const name = `${service ?? ''}_time_limit`
  const text = config.isSet(name) ? config.text(name) : undefined
  if (text === undefined) return config.values.command_time_limit
  try {
    return Number(parseValue(general, text, config.folder))
  } catch {
    return config.values.command_time_limit
  }
}
