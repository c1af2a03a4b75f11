import { ListenError, listen } from '@posthorn/net'
import type { Config } from '../../config/config.ts'
import { listenHosts } from '../../services/listen-hosts.ts'
import { serviceNames } from '../../start/ports.ts'
import { type Finding, fail, ok } from './finding.ts'

/** Could the server listen? A running one is asked nothing: it would not run without its ports. */
export async function* examinePorts(config: Config, server: 'running' | 'stopped'): AsyncGenerator<Finding> {
  const ports = serviceNames
    .map((service) => ({ service, port: config.values[`${service}_port`] }))
    .filter(({ port }) => port !== 0)
  if (server === 'running') {
    yield ok('ports', ports.map(({ service, port }) => `${service} ${port}`).join(', '))
    return
  }
  const [host = '0.0.0.0'] = listenHosts(config.values.inet_interfaces, config.values.inet_protocols)
  for (const { service, port } of ports) {
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
