import { ListenError, listen } from '@posthorn/net'
import type { Config } from '../../config/config.ts'
import { listenHosts } from '../../services/listen-hosts.ts'
import { type Finding, fail, ok } from './finding.ts'

interface Place {
  readonly service: string
  readonly host: string
  readonly port: number
}

/** By master.cf where there is one. Sockets of the file system are nobody else's. */
function placesOf({ services, values }: Config): readonly Place[] {
  const [everywhere = '0.0.0.0'] = listenHosts(values.inet_interfaces, values.inet_protocols)
  const smtp = services.smtp.filter(({ socket }) => socket === undefined)
  return [...smtp, ...services.reading].map(({ kind, host, port }) => ({
    service: kind === 'mx' ? 'smtp' : kind,
    host: host ?? everywhere,
    port,
  }))
}

/** Could the server listen? A running one is asked nothing: it would not run without its ports. */
export async function* examinePorts(config: Config, server: 'running' | 'stopped'): AsyncGenerator<Finding> {
  const places = placesOf(config)
  if (server === 'running') {
    yield ok('ports', places.map(({ service, port }) => `${service} ${port}`).join(', '))
    return
  }
  for (const { service, host, port } of places) {
    try {
      const listener = await listen({
        host,
        port,
        onConnection: (connection) => connection.destroy(),
        onFault: () => undefined,
      })
      await listener.close()
      yield ok(`port ${port}`, `free for ${service}`)
    } catch (error) {
      if (!(error instanceof ListenError)) throw error
      yield fail(`port ${port}`, `${service}: ${error.message}`, `${error.remedy} (${service}_port)`)
    }
  }
}
