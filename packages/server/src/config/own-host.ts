import type { Config } from './config.ts'

/** `[host]:port`, `host:port`, `host`, of a relayhost. */
const nextHop = /^(?:smtp:|relay:)?\[?([^\]\s:]+|[0-9a-f:]+)\]?(?::(\w+))?$/i

/** The host of a next hop when it is this server, at a port where it takes mail from others. undefined: another's. */
export function ownHostOf(text: string, { values }: Config): string | undefined {
  const [, host = '', port = '25'] = nextHop.exec(text.trim()) ?? []
  const name = host.toLowerCase()
  if (name === '' || (port !== 'smtp' && Number(port) !== values.smtp_port && port !== '25')) return undefined
  const loopback = /^(?:localhost|127\.[\d.]+|::1)$/.test(name)
  // Port 25 of this machine may be another program's while ours is elsewhere.
  if (loopback && values.smtp_port !== (port === 'smtp' ? 25 : Number(port))) return undefined
  return loopback || name === values.myhostname.toLowerCase() ? host : undefined
}
