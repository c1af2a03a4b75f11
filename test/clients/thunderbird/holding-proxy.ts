import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

export interface HoldingProxy {
  readonly port: number
  /** Once: what a client sends next that has this text waits until the work is done. Resolves with the work. */
  hold(text: string, work: () => Promise<void>): Promise<void>
  close(): Promise<void>
}

/** Between a client and the server on 127.0.0.1, to let things happen while the client waits for an answer. */
export async function startHoldingProxy(toPort: number): Promise<HoldingProxy> {
  let held: { text: string; work: () => Promise<void> } | undefined
  const proxy = createServer({ noDelay: true }, (client) => {
    const server = connect({ port: toPort, host: '127.0.0.1', noDelay: true })
    client.on('data', async (octets) => {
      const { text, work } = held ?? {}
      if (text !== undefined && octets.includes(text)) {
        held = undefined
        client.pause()
        await work?.()
        client.resume()
      }
      server.write(octets)
    })
    server.on('data', (octets) => client.write(octets))
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => undefined)
      one.on('close', () => other.destroy())
    }
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    port: (proxy.address() as AddressInfo).port,
    hold: (text, work) =>
      new Promise((resolve, reject) => {
        held = { text, work: () => work().then(resolve, reject) }
      }),
    close: async () => {
      proxy.close()
      await once(proxy, 'close')
    },
  }
}
