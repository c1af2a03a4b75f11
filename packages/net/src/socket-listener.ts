import { rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import type { Duplex } from 'node:stream'

/** A UNIX socket, or an address and a port. */
export type SocketPlace = { readonly path: string } | { readonly host: string; readonly port: number }

export interface SocketListener {
  /** 0 for a path. */
  readonly port: number
  close(): Promise<void>
}

/**
 * Hands each connection on as it is, nothing read from it: for a program that has it as its standard input and
 * output. Rejects when it cannot listen.
 */
export async function listenForSockets(
  place: SocketPlace,
  limits: { readonly connections: number },
  each: (socket: Duplex) => void,
): Promise<SocketListener> {
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {})
    each(socket)
  })
  server.maxConnections = limits.connections
  await listening(server, place)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: async () => {
      await new Promise<void>((resolve) => server.close(() => resolve()))
      if ('path' in place) rmSync(place.path, { force: true })
    },
  }
}

async function listening(server: Server, place: SocketPlace): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    const ready = (): void => {
      server.off('error', reject)
      server.on('error', () => {})
      resolve()
    }
    if ('path' in place) server.listen(place.path, ready)
    else server.listen(place.port, place.host, ready)
  })
}
