import type { Log } from '@posthorn/mail'
import type { Config } from '../config/config.ts'
import type { ComposedServer } from '../start/compose.ts'
import type { DataFolder } from '../start/data-folder.ts'
import { startWarmUp, type WarmUp } from './warm-up.ts'

interface Site {
  readonly config: Config
  readonly folder: DataFolder
  readonly log: Log
}

/** As main.cf says (`warm_up`); undefined: there is none. */
export function warmUpOf(server: ComposedServer, { config, folder, log }: Site): WarmUp | undefined {
  if (!config.values.warm_up) return undefined
  return startWarmUp({
    dataFolder: folder.path,
    credentials: server.credentials,
    log,
    clients: server.clients,
  })
}
