import type { Log } from '@posthorn/mail'
import type { Config } from '../config/config.ts'
import { createProcessMetrics, metricsOptions } from '../metrics/process-metrics.ts'
import { soloWakeBus } from '../workers/solo-wake-bus.ts'
import { composeServer } from './compose.ts'
import type { DataFolder } from './data-folder.ts'
import type { Running } from './running.ts'
import { surviveFaults } from './survive-faults.ts'

export interface StartParts {
  readonly config: Config
  readonly folder: DataFolder
  readonly log: Log
  readonly configOption: string | undefined
}

/** The whole server in this process: what `workers = 1` means. */
export async function startSolo({ config, folder, log }: StartParts): Promise<Running> {
  surviveFaults(log)
  const wakeBus = soloWakeBus()
  const metrics = createProcessMetrics(log, metricsOptions(config))
  const server = await composeServer({ config, folder, log: metrics.log, wakeBus })
  metrics.observe(server.status)
  return {
    ports: server.ports,
    status: async () => [await server.status()],
    sampleAccounts: async () => await server.sampleAccounts(),
    reload: async (next) => await server.reload(next),
    metrics: async () => [await metrics.values()],
    submit: async (recipient, message) => await server.local.submit(recipient, message),
    pickup: () => void server.local.pickup(),
    listQueue: async (after) => await server.local.listQueue(after),
    flushQueue: async (what) => await server.local.flushQueue(what),
    logins: async (choice) => await server.logins.list(choice),
    kick: async (choice) => await server.logins.kick(choice),
    wake: (wake) => wakeBus.receive(wake),
    stop: async () => await server.stop(),
  }
}
