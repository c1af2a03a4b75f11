import { randomBytes } from 'node:crypto'
import { mkdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { zoneFileResolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import { Registry } from 'prom-client'
import type { Config } from '../config/config.ts'
import { buildConfig } from '../config/load-config.ts'
import { formatMaillog } from '../log/maillog.ts'
import { createEventCounters } from '../metrics/event-counters.ts'
import { type ComposedServer, composeServer } from '../start/compose.ts'
import { prepareDataFolder } from '../start/data-folder.ts'
import type { MailServerPorts } from '../start/ports.ts'
import { soloWakeBus } from '../workers/solo-wake-bus.ts'
import { scratchFolder } from './scratch-folder.ts'

export const scratchDomain = 'warm-up.invalid'
export const scratchUser = `reader@${scratchDomain}`

/** A whole server beside the real one: the same classes and functions, nothing of what they keep. */
export interface ScratchServer {
  readonly ports: MailServerPorts
  readonly password: string
  close(): Promise<void>
}

function scratchConfig(folder: string): Config {
  const file = join(folder, 'main.cf')
  const text = `data_directory = ${folder}
myhostname = ${scratchDomain}
mydomain = ${scratchDomain}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
listen = 127.0.0.1
mynetworks = 127.0.0.0/8
default_transport = error:this server is gone in a moment
alias_maps =
mailbox_size_limit = 0
disable_plaintext_auth = no
smtpd_client_connection_count_limit = 0
mail_max_userip_connections = 0
submission_port = 0
submissions_port = 0
pop3s_port = 0
imaps_port = 0
sample_accounts = no
shutdown_grace = 0
`
  const { config, problems } = buildConfig({ file, folder, named: true }, text, { environment: {} })
  if (problems.length > 0) throw new Error(problems.join('; '))
  return config
}

/** Log lines are made as always, and forgotten. */
function unheardLog({ values }: Config): Log {
  const names = { syslogName: values.syslog_name, hostname: scratchDomain, pid: process.pid }
  return createEventCounters(new Registry(), (event) => void formatMaillog(event, names, Date.now())).log
}

export async function openScratchServer(
  dataFolder: string,
  credentials: ComposedServer['credentials'],
): Promise<ScratchServer> {
  const path = join(scratchFolder(dataFolder), String(process.pid))
  const remove = (): void => {
    rmSync(path, { recursive: true, force: true })
    try {
      rmdirSync(scratchFolder(dataFolder))
    } catch {
      // Another process is at it, or there is none.
    }
  }
  remove()
  try {
    mkdirSync(scratchFolder(dataFolder), { recursive: true, mode: 0o700 })
    const folder = prepareDataFolder(path)
    const config = scratchConfig(path)
    const server = await composeServer({
      config,
      folder,
      log: unheardLog(config),
      wakeBus: soloWakeBus(),
      resolver: zoneFileResolver(''),
      credentials,
      portOf: () => 0,
    })
    const password = randomBytes(12).toString('hex')
    await server.store.accounts.create({
      address: scratchUser,
      passwordHash: `{PLAIN}${password}`,
      enabled: true,
      quotaBytes: 0,
      home: '',
    })
    return {
      ports: server.ports,
      password,
      close: async () => {
        await server.stop()
        remove()
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}
