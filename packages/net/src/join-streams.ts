import { createConnection } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import type { ServiceAddress } from './exchange-client.ts'

/**
 * Carries a dialogue that the service opens: then octets of `input` go to it, its answers to `output`, until the service closes.
 * The end of `input` ends our side only, so that the last answers still come. Rejects when nobody listens.
 */
export async function joinStreams(address: ServiceAddress, input: Readable, output: Writable): Promise<void> {
  const socket =
    address.kind === 'unix'
      ? createConnection(address.path)
      : createConnection({ host: address.host, port: address.port })
  let connected = false
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => {
        connected = true
      })
      // Mail servers refuse who speaks before their greeting.
      socket.once('data', () => input.pipe(socket))
      socket.once('error', (error) => (connected ? resolve() : reject(error)))
      socket.once('close', () => resolve())
      socket.pipe(output, { end: false })
    })
  } finally {
    input.unpipe(socket)
    input.destroy()
    socket.destroy()
  }
}
