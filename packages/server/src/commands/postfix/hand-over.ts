import { accessSync, constants } from 'node:fs'
import type { OutgoingMail } from '@posthorn/smtp'
import type { Config } from '../../config/config.ts'
import { listenHosts } from '../../services/listen-hosts.ts'
import { errorCode } from '../../start-error.ts'
import { CommandError, exit } from '../shell.ts'

/** The store belongs to the server's user; others have no business in it. */
export function mayOpenStore(dataFolder: string): boolean {
  try {
    accessSync(dataFolder, constants.R_OK | constants.W_OK | constants.X_OK)
    return true
  } catch (error) {
    return errorCode(error) !== 'EACCES'
  }
}

/** Gives a user's mail to the running server by SMTP on this machine. Returns the exit code, or throws CommandError. */
export async function handOver(config: Config, mail: OutgoingMail): Promise<number> {
  const { myhostname } = config.values
  const { address, port } = smtpService(config)
  // Other commands need no SMTP, and start the sooner without it.
  const { connectSmtp } = await import('@posthorn/smtp')
  const client = await connectSmtp(
    { host: 'localhost', address, port },
    { protocol: 'smtp', heloName: myhostname, tlsLevel: 'none' },
  )
  if ('kind' in client)
    throw new CommandError(`the mail system is not reachable: ${client.text}`, exit.tempFail)
  try {
    const refused = (await client.send(mail)).flatMap((one) => (one.kind === 'refused' ? [one.failure] : []))
    if (refused.length === 0) return exit.ok
    const permanent = refused.every(({ status }) => status.startsWith('5'))
    throw new CommandError(
      refused.map(({ text }) => text).join('\n'),
      permanent ? exit.unavailable : exit.tempFail,
    )
  } finally {
    client.quit()
  }
}

/** Where the server takes mail on this machine. */
function smtpService({ values, services }: Config): { readonly address: string; readonly port: number } {
  const service = services.smtp.find(({ kind, socket }) => kind === 'mx' && socket === undefined)
  if (service === undefined)
    throw new CommandError(
      'no service takes SMTP without login here (smtp_port, master.cf)',
      exit.unavailable,
    )
  const words = service.host === undefined ? values.inet_interfaces : [service.host]
  const [host = '127.0.0.1'] = listenHosts(words, values.inet_protocols)
  return { address: host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host, port: service.port }
}
