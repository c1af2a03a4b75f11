import { lookupFirst, type Routing, type StatusFilter, type Tables } from '@posthorn/mta'
import type { Config } from '../config/config.ts'

/** What agents on this machine say, in other words. Those of smtp(8) and lmtp(8) are part of how mail leaves. */
export interface StatusFilters {
  /** By the transport's name. */
  readonly ofTransport: (transport: string) => StatusFilter | undefined
  /** Of the mailbox of an address; undefined: there is no filter for any. */
  readonly ofMailbox: ((address: string) => StatusFilter | undefined) | undefined
}

const parameterOf = {
  local: 'local_delivery_status_filter',
  virtual: 'virtual_delivery_status_filter',
  pipe: 'pipe_delivery_status_filter',
} as const

/** Of aliases and .forward: in Postfix it is local(8) that runs them. */
const localAgents = ['local', 'pipe', 'file', 'user_command', 'user_file', 'mailbox_command']

/**
 * local_delivery_status_filter, virtual_delivery_status_filter, pipe_delivery_status_filter, also as options of services of
 * master.cf. Throws TableError.
 */
export function statusFilters(config: Config, tables: Tables, classify: Routing['classify']): StatusFilters {
  const open = (program: keyof typeof parameterOf, { values }: Config): StatusFilter | undefined => {
    const opened = tables.openAll(values[parameterOf[program]], parameterOf[program])
    return opened.length === 0 ? undefined : (said) => lookupFirst(opened, said)
  }
  const [local, virtual] = [open('local', config), open('virtual', config)]
  const byTransport = new Map([...localAgents.map((name) => [name, local] as const), ['virtual', virtual]])
  for (const { name, program, options } of config.services.transports)
    if (program === 'local' || program === 'virtual' || program === 'pipe')
      byTransport.set(name, open(program, config.withOptions(options)))
  const own = byTransport.get('local') ?? byTransport.get('virtual')
  return {
    ofTransport: (transport) => byTransport.get(transport),
    ofMailbox:
      own === undefined
        ? undefined
        : (address) => byTransport.get(classify(address).class === 'mailbox' ? 'virtual' : 'local'),
  }
}
