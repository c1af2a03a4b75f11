import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Resolver, zoneFileResolver } from '@posthorn/dns'
import { TextDialogue } from '@posthorn/net'
import { loadConfig } from '../../config/load-config.ts'
import { composeServer } from '../../start/compose.ts'
import { prepareDataFolder } from '../../start/data-folder.ts'
import type { Shell } from '../shell.ts'
import type { SiteOptions } from '../site.ts'
import { type Finding, fail, ok, unknown } from './finding.ts'

const subject = 'open relay'
const timeoutMs = 10_000
/** RFC 5737: nobody's. */
const stranger = '203.0.113.25'
const victim = 'relay-test@elsewhere.example'

/** Spellings of somebody elsewhere, as open-relay testers try them. */
function tricks(domain: string, hostname: string): readonly string[] {
  const [local, far] = victim.split('@') as [string, string]
  return [
    victim,
    `"${local}"@${far}`,
    `${local}@${far}.`,
    `@${domain}:${victim}`,
    `@${hostname},@${domain}:${victim}`,
    `${local}%${far}@${domain}`,
    `${local}%${far}@${hostname}`,
    `${local}%${far}@[127.0.0.1]`,
    `"${victim}"@${domain}`,
    `${far}!${local}@${domain}`,
    `${far}!${local}`,
    `"${victim}"`,
    `${local}@[192.0.2.77]`,
  ]
}

/** Senders that a careless rule might trust. */
const senders = (domain: string): readonly string[] => [
  '',
  `postmaster@${domain}`,
  'spammer@elsewhere.example',
]

/**
 * This very configuration on a port of 127.0.0.1 with an empty store, spoken to as a stranger would: no sender and no
 * spelling may reach another's address. Nothing is sent.
 */
export async function examineRelaying(shell: Shell, options: SiteOptions): Promise<Finding> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-doctor-'))
  let server: Awaited<ReturnType<typeof composeServer>> | undefined
  try {
    const config = loadConfig({ configOption: options.config, environment: rehearsal(shell, folder) })
    server = await composeServer({
      config,
      folder: prepareDataFolder(join(folder, 'data')),
      log: () => undefined,
      resolver: silentResolver(),
      portOf: () => 0,
    })
    if (server.ports.smtp === 0) return ok(subject, 'no port for other servers is open')
    const { auth_default_realm: domain, myhostname } = config.values
    return await examineAs(stranger, server.ports.smtp, domain, myhostname)
  } catch (error) {
    return unknown(subject, `could not be tried: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function examineAs(client: string, port: number, domain: string, myhostname: string): Promise<Finding> {
  const header = `PROXY TCP4 ${client} 127.0.0.1 40000 25\r\n`
  let asked = 0
  for (const sender of senders(domain)) {
    const dialogue = await TextDialogue.open({ host: '127.0.0.1', port, timeoutMs }, header)
    try {
      const banner = await dialogue.reply()
      if (!banner.startsWith('220')) return ok(subject, `a stranger is turned away: ${banner}`)
      await dialogue.say('EHLO mail.elsewhere.example')
      const mail = await dialogue.say(`MAIL FROM:<${sender}>`)
      if (!mail.startsWith('250')) continue
      const takesAll = (await dialogue.say(`RCPT TO:<nobody.${process.pid}@${domain}>`)).startsWith('250')
      for (const trick of tricks(domain, myhostname)) {
        // Who takes every name at his own domain takes odd ones, too: that is no relaying.
        if (takesAll && new RegExp(`@(?:${quoted(domain)}|${quoted(myhostname)})$`).test(trick)) continue
        asked++
        const answer = await dialogue.say(`RCPT TO:<${trick}>`)
        if (answer.startsWith('250'))
          return fail(
            subject,
            `a stranger may send from <${sender}> to <${trick}>: ${answer}`,
            'end smtpd_relay_restrictions with reject_unauth_destination, and let no table before it say OK',
          )
        if (answer.startsWith('421')) break
      }
    } finally {
      dialogue.close()
    }
  }
  return ok(subject, `a stranger at ${client} was refused ${asked} ways to send elsewhere`)
}

const quoted = (text: string): string => text.replace(/[.\\[\]]/g, '\\$&')

/** The same main.cf, somewhere else, without programs that would hear of it. */
function rehearsal(shell: Shell, folder: string): Readonly<Record<string, string | undefined>> {
  return {
    ...shell.environment,
    POSTHORN_DATA_DIRECTORY: join(folder, 'data'),
    POSTHORN_INET_INTERFACES: '127.0.0.1',
    POSTHORN_SMTPD_UPSTREAM_PROXY_PROTOCOL: 'haproxy',
    POSTHORN_HAPROXY_TRUSTED_NETWORKS: '127.0.0.0/8',
    POSTHORN_SMTPD_MILTERS: ' ',
    POSTHORN_SMTPD_TLS_CERT_FILE: ' ',
    POSTHORN_SMTPD_TLS_KEY_FILE: ' ',
    POSTHORN_SSL_CERT: ' ',
    POSTHORN_SSL_KEY: ' ',
    POSTHORN_SMTPD_HARD_ERROR_LIMIT: '1000',
    POSTHORN_SMTPD_SOFT_ERROR_LIMIT: '1000',
    POSTHORN_POSTSCREEN: 'no',
    POSTHORN_GREYLIST: 'no',
    POSTHORN_SAMPLE_ACCOUNTS: 'no',
    POSTHORN_WORKERS: '1',
  }
}

/** Names are not what is tried. */
const silentResolver = (): Resolver => zoneFileResolver('elsewhere.example. A 203.0.113.25\n')
