import { addressesOf, type Resolver } from '@posthorn/dns'
import { TextDialogue } from '@posthorn/net'
import type { Config } from '../../config/config.ts'
import { type Finding, ok, warn } from './finding.ts'

const timeoutMs = 3_000

/** Whether the name that others use leads to this server: its ports, asked from here, by its public addresses. */
export async function examineReachable(config: Config, resolver: Resolver): Promise<readonly Finding[]> {
  const { values } = config
  const ports = [
    ['smtp', values.smtp_port, /^220/],
    ['submission', values.submission_port, /^220/],
    ['pop3', values.pop3_port, /^\+OK/],
    ['imap', values.imap_port, /^\* OK/],
  ] as const
  const addresses = await addressesOf(resolver, values.myhostname)
  if (addresses.kind !== 'records') return []
  const probes = addresses.records.flatMap((host) =>
    ports
      .filter(([, port]) => port !== 0)
      .map(([service, port, greeting]) => probe(host, service, port, greeting)),
  )
  return Promise.all(probes)
}

async function probe(host: string, service: string, port: number, greeting: RegExp): Promise<Finding> {
  const subject = `port ${port} at ${host}`
  let dialogue: TextDialogue | undefined
  try {
    dialogue = await TextDialogue.open({ host, port, timeoutMs })
    const heard = (await dialogue.reply()).replace(/[^ -~]/g, '?').slice(0, 80)
    if (greeting.test(heard)) return ok(subject, `${service} answers: ${heard}`)
    return warn(
      subject,
      `something else answers for ${service}: ${heard}`,
      'see what listens there (`ss -ltnp`)',
    )
  } catch (error) {
    return warn(
      subject,
      `${service} does not answer: ${error instanceof Error ? error.message : String(error)}`,
      'open the port in the firewall and the router (docs/firewall.md); some routers do not lead back from inside: try from elsewhere',
    )
  } finally {
    dialogue?.close()
  }
}
